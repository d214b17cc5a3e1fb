/** Runs one simulation: a plan is carried out, faults end, everything must finish; then the books are checked. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import { SeededRandom } from '../lib/random'
import { checkGuarantees } from './checks'
import type { Violation } from './history'
import { drawPlan, type Plan } from './plan'
import { QUEUES } from './program'
import { programWork } from './program-work'
import { Enqueueing, type SimulatedWork } from './work'
import { RESCUER, World, type CreateSimulatedStorage } from './world'

/** How long everything may take to finish when faults have ended, in milliseconds. */
const FINISH_WITHIN_MS = 300_000
/** More events than that are no progress. */
const MOST_STEPS = 400_000
/** How long all are watched doing nothing, in milliseconds. */
const IDLE_MS = 4000

/** What is simulated. */
export interface SimulationOptions {
  /** @default 1 */
  readonly seed?: number | undefined
  /** What is to happen. @default drawn from the seed */
  readonly plan?: Plan | undefined
  /** Tasks and executions. @default the programs of the plan */
  readonly work?: SimulatedWork | undefined
  /** The storage. @default the one in memory */
  readonly createStorage?: CreateSimulatedStorage | undefined
  /** Gets each line of the trace. */
  readonly trace?: ((line: string) => void) | undefined
}

/** How a simulation went. */
export interface SimulationResult {
  readonly seed: number
  readonly plan: Plan
  readonly violations: readonly Violation[]
  /** How many events happened. */
  readonly steps: number
  /** How much time passed in it, in milliseconds. */
  readonly virtualMs: number
}

/** Runs one simulation. The same options give the same events, in the same order, on every run. */
export async function simulate(options: SimulationOptions = {}): Promise<SimulationResult> {
  const { seed = 1, trace = null } = options
  const plan = options.plan ?? drawPlan(seed)
  const work = options.work ?? programWork(plan.programs, plan.seed)
  const { createStorage = inMemory } = options
  const world = new World(plan, createStorage, work.define, trace)
  await new Simulation(world, work).run()
  const { history, time } = world
  return {
    seed: plan.seed,
    plan,
    violations: history.violations,
    steps: time.steps,
    virtualMs: time.elapsedMs,
  }
}

const inMemory: CreateSimulatedStorage = (now) => new InMemoryTaskExecutionsStorage({ now })

class Simulation {
  private readonly world: World
  private readonly work: SimulatedWork
  private readonly enqueueings: Enqueueing[]
  private isOver = false

  constructor(world: World, work: SimulatedWork) {
    const random = new SeededRandom(world.plan.seed ^ 0x77)
    this.world = world
    this.work = work
    this.enqueueings = work.enqueues.map(
      (plan) => new Enqueueing(world, plan, new SeededRandom(random.bits())),
    )
  }

  async run(): Promise<void> {
    const { world, work } = this
    const { time, plan, history } = world
    world.scheduleFaults()
    for (const enqueueing of this.enqueueings) enqueueing.begin()
    work.begin?.(world, () => this.isOver)
    await time.run(plan.chaosMs, () => this.hasTooManySteps())
    world.calm()
    world.add({ ...RESCUER, queues: QUEUES })
    await time.run(
      time.elapsedMs + FINISH_WITHIN_MS,
      () => this.isFinished() || this.hasTooManySteps(),
    )
    if (this.hasTooManySteps())
      history.violated('progress', `It takes more than ${MOST_STEPS} events`)
    this.isOver = true
    await time.run(time.elapsedMs + IDLE_MS, () => this.hasTooManySteps())
    this.check()
  }

  private hasTooManySteps(): boolean {
    return this.world.time.steps > MOST_STEPS
  }

  private isFinished(): boolean {
    return (
      this.world.history.activeIds.size === 0 &&
      this.enqueueings.every(({ isSettled }) => isSettled)
    )
  }

  private check(): void {
    const { world } = this
    const rows = world.storage.dump()
    const byId = new Map(rows.map((row) => [row.executionId, row]))
    checkGuarantees(rows, world)
    for (const enqueueing of this.enqueueings) enqueueing.check(byId)
    this.work.check?.(rows, world)
  }
}
