/** Runs one simulation: a plan is carried out, faults end, everything must finish; then the books are checked. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import { SeededRandom } from '../lib/random'
import { checkGuarantees } from './checks'
import { watchTakeovers } from './final-phase'
import type { Violation } from './history'
import { drawPlan, type Plan } from './plan'
import { QUEUES } from './program'
import { programWork } from './program-work'
import { tasksWork, type SimulatedTasks } from './tasks'
import { Enqueueing, type SimulatedWork } from './work'
import { RESCUER, World, type CreateSimulatedStorage } from './world'

/** How long everything may take to finish when faults have ended, in milliseconds. */
const FINISH_WITHIN_MS = 300_000
/** More events than that are no progress. */
const MOST_STEPS = 100_000
/** How long all are watched doing nothing, in milliseconds. */
const IDLE_MS = 3000
/** When all have finished those who wait see it within this and two leases (a call may hang), in milliseconds. */
const WAIT_MS = 3000

/** What is simulated. */
export interface SimulationOptions {
  /** @default 1 */
  readonly seed?: number | undefined
  /** What is to happen. @default drawn from the seed */
  readonly plan?: Plan | undefined
  /** Tasks of your own. @default the programs of the plan */
  readonly tasks?: SimulatedTasks | undefined
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
  const work = options.tasks
    ? tasksWork(options.tasks, plan)
    : programWork(plan.programs, plan.seed)
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
    await this.pass(plan.chaosMs)
    world.calm()
    const rescuer = world.add({ ...RESCUER, queues: QUEUES })
    if (rescuer.current) watchTakeovers(world, rescuer.current.process)
    await this.pass(FINISH_WITHIN_MS, () => this.isFinished())
    this.isOver = true
    await this.pass(WAIT_MS + 2 * plan.leaseMs, () =>
      this.enqueueings.every(({ isSeen }) => isSeen),
    )
    if (plan.watchesIdle) await this.watchIdle()
    if (time.steps > MOST_STEPS) {
      history.violated('progress', `It takes more than ${MOST_STEPS} events`)
    }
    if (history.violations.length === 0) this.check()
  }

  /** Lets time pass, until something is wrong. */
  private pass(ms: number, isOver: () => boolean = () => false): Promise<void> {
    const { time, history } = this.world
    return time.run(
      time.elapsedMs + ms,
      () => history.violations.length > 0 || time.steps > MOST_STEPS || isOver(),
    )
  }

  private async watchIdle(): Promise<void> {
    const { plan, idle } = this.world
    // Runs under lost claims end, searches for lost answers too.
    await this.pass(2 * plan.leaseMs)
    idle.begin()
    await this.pass(IDLE_MS)
    idle.end(IDLE_MS)
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
