/** A member of a simulation: a machine on which one process after another runs an executor, each a new incarnation. */
import {
  DurableExecutor,
  type AnyTask,
  type DurableExecutorOptions,
  type ExecutorEvent,
  type Logger,
} from 'durable-execution'

import { SeededRandom } from '../lib/random'
import { SimulatedConnection, type Away, type CallObserver } from './connection'
import { CALM_HINTS, SimulatedEar, type HintSource } from './hints'
import type { History } from './history'
import { SimulatedHost } from './host'
import type { MemberPlan } from './plan'
import { SimulatedProcess } from './process'
import type { VirtualTime } from './time'

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** What the tasks of a simulation are defined by. */
export type DefineTasks = (
  executor: DurableExecutor,
  host: SimulatedHost,
  isPartial: boolean,
) => void

/** What members share. */
export interface MemberWorld {
  readonly time: VirtualTime
  readonly history: History
  readonly observer: CallObserver
  readonly hints: HintSource
  readonly leaseMs: number
  readonly define: DefineTasks
  readonly isStorageAway: () => Away | null
  /** Called when an executor was shut down. */
  readonly checkHandedBack: (process: SimulatedProcess) => void
  /** Whether faults go on. */
  readonly isChaos: () => boolean
}

/** A process with what runs in it. */
export interface Incarnation {
  readonly process: SimulatedProcess
  readonly connection: SimulatedConnection
  readonly executor: DurableExecutor
  readonly events: ExecutorEvent[]
}

/** A member. */
export class Member {
  readonly plan: MemberPlan
  current: Incarnation | null = null
  private readonly world: MemberWorld
  private readonly random: SeededRandom
  private readonly hintRandom: SeededRandom
  private count = 0

  constructor(plan: MemberPlan, world: MemberWorld, seed: number) {
    this.plan = plan
    this.world = world
    this.random = new SeededRandom(seed)
    this.hintRandom = new SeededRandom(seed ^ 0x41c7)
  }

  /** The incarnation that can be asked for something: it lives, and is not stopped. */
  get awake(): Incarnation | null {
    const { current } = this
    return current?.process.isAlive && !current.process.isStopped ? current : null
  }

  /** Whether the executor knows this task: it can enqueue it, wake it and cancel it. */
  taskOf(taskId: string): AnyTask {
    return { id: taskId } as AnyTask
  }

  /** Starts the next incarnation. */
  boot(): void {
    const { world, plan, random } = this
    this.count += 1
    const name = `${plan.name}.${this.count}`
    const process = new SimulatedProcess(name, world.time, this.fork(), plan, (reason) => {
      world.history.trace?.(`${name} dies: ${reason}`)
      this.bootAgain()
    })
    world.history.processStarted(process)
    const connection = new SimulatedConnection(
      process,
      this.fork(),
      world.observer,
      world.isStorageAway,
    )
    const isChaos = world.isChaos()
    if (isChaos) connection.noise = plan.noise
    this.giveEar(process, connection, isChaos)
    const events: ExecutorEvent[] = []
    const executor = new DurableExecutor(connection, this.options(name, events), process)
    const isPartial = random.chance(plan.partialChance) && isChaos
    world.define(executor, new SimulatedHost(process, world.history), isPartial)
    this.current = { process, connection, executor, events }
    world.history.trace?.(`${name} boots${isPartial ? ' and knows some of the tasks' : ''}`)
    if (!plan.isClient) executor.start().catch(() => undefined)
  }

  private giveEar(
    process: SimulatedProcess,
    connection: SimulatedConnection,
    isChaos: boolean,
  ): void {
    const { plan, world } = this
    const seed = this.hintRandom.bits()
    if (plan.hints === null) return
    const noise = isChaos ? plan.hints : CALM_HINTS
    const away = (): Away | null => world.isStorageAway() ?? connection.cut
    connection.hearWith(new SimulatedEar(process, new SeededRandom(seed), world.hints, noise, away))
  }

  /** Shuts the executor down as a deploy does, and then ends the process. */
  deploy(graceMs: number): void {
    const { current, world } = this
    if (!current?.process.isAlive) return
    const { process, executor } = current
    const book = world.history.books.get(process)
    if (book?.isShuttingDown) return
    if (book) book.isShuttingDown = true
    world.history.trace?.(`${process.name} shuts down`)
    void executor.shutdown({ graceMs }).then(() => {
      world.checkHandedBack(process)
      process.kill('its executor was shut down')
    })
  }

  private bootAgain(): void {
    this.world.time.schedule(this.plan.restartMs, () => {
      this.boot()
    })
  }

  private fork(): SeededRandom {
    return new SeededRandom(this.random.bits())
  }

  private options(name: string, events: ExecutorEvent[]): DurableExecutorOptions {
    const { plan, world } = this
    const { trace } = world.history
    return {
      executorId: plan.name,
      queues: plan.queues,
      maxConcurrentTaskExecutions: plan.maxConcurrentTaskExecutions,
      pollIntervalMs: plan.pollIntervalMs,
      leaseMs: world.leaseMs,
      abortGraceMs: 200,
      retentionMs: null,
      logger: SILENT,
      logLevel: 'silent',
      onEvent: (event) => {
        events.push(event)
        trace?.(`${name} tells ${JSON.stringify(event)}`)
      },
    }
  }
}
