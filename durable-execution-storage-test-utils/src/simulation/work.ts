/** What a simulation works on: tasks and their executions, drawn at random or a user's own. */
import type { DurableExecutor, ExecutionRecord, FinishedTaskExecution } from 'durable-execution'

import type { SeededRandom } from '../lib/random'
import type { SimulatedHost } from './host'
import type { Member } from './member'
import type { SimulatedProcess } from './process'
import type { World } from './world'

/** One execution to be enqueued. */
export interface EnqueuePlan {
  readonly taskId: string
  readonly input?: unknown
  /** Its id. With one it is enqueued again and again until that is known to have worked. */
  readonly executionId: string | undefined
  readonly atMs: number
  /** Once more at this moment; `null`: not. */
  readonly againAtMs: number | null
}

/** What a simulation works on. */
export interface SimulatedWork {
  /** Defines the tasks on the executor of a process. `isPartial`: only some of them, as during a deploy. */
  readonly define: (executor: DurableExecutor, host: SimulatedHost, isPartial: boolean) => void
  readonly enqueues: readonly EnqueuePlan[]
  /** Called when the simulation begins. */
  readonly begin?: (world: World, isOver: () => boolean) => void
  /** Called when it is over, with all rows. */
  readonly check?: (rows: readonly ExecutionRecord[], world: World) => void
}

/** Between two tries of an enqueue, in milliseconds. */
const AGAIN_MS = 700

/** Enqueues one execution, from whichever member is awake, and waits for it there. */
export class Enqueueing {
  /** Its id, once it is known to be stored. */
  storedId: string | null = null
  private readonly world: World
  private readonly plan: EnqueuePlan
  private readonly random: SeededRandom
  private sentBy: Member['awake'] = null
  private readonly waits: {
    awake: NonNullable<Member['awake']>
    seen: FinishedTaskExecution | null
  }[] = []

  constructor(world: World, plan: EnqueuePlan, random: SeededRandom) {
    this.world = world
    this.plan = plan
    this.random = random
  }

  begin(): void {
    const { atMs, againAtMs } = this.plan
    this.world.time.schedule(atMs, () => {
      this.tryAgain()
    })
    if (againAtMs === null) return
    this.world.time.schedule(againAtMs, () => {
      this.send()
    })
  }

  /** Whether nothing more is tried: it is stored, or whether it is can't be known. */
  get isSettled(): boolean {
    if (this.storedId !== null) return true
    return this.plan.executionId === undefined && this.sentBy?.process.isAlive === false
  }

  /** Whether nobody waits any more who could see how it ended. */
  get isSeen(): boolean {
    return this.waits.every(({ awake, seen }) => seen !== null || !this.isHere(awake.process))
  }

  private isHere(process: SimulatedProcess): boolean {
    return process.isAlive && this.world.history.books.get(process)?.isShuttingDown === false
  }

  private tryAgain(): void {
    if (this.isSettled) return
    if (this.plan.executionId !== undefined || this.sentBy === null) this.send()
    this.world.time.schedule(AGAIN_MS * (1 + this.random.fraction()), () => {
      this.tryAgain()
    })
  }

  private send(): void {
    const member = this.world.pickAwake(this.random)
    if (member?.awake) void this.enqueue(member, member.awake)
  }

  private async enqueue(member: Member, awake: NonNullable<Member['awake']>): Promise<void> {
    const { taskId, input, executionId } = this.plan
    const { history } = this.world
    const { executor, process } = awake
    try {
      const sending = executor.enqueueTask(member.taskOf(taskId) as never, input as never, {
        executionId,
      })
      this.sentBy = awake
      const handle = await sending
      history.trace?.(`${process.name} enqueued ${taskId} ${handle.getExecutionId()}`)
      this.storedId = handle.getExecutionId()
      if (!this.random.chance(0.5)) return
      const wait = { awake, seen: null as FinishedTaskExecution | null }
      this.waits.push(wait)
      wait.seen = await handle.waitAndGetFinishedExecution()
    } catch (error) {
      // Its task is unknown there: nothing was sent. Or that executor is shut down.
      if (this.isUnknownTask(error)) this.sentBy = null
      history.trace?.(`${process.name} could not enqueue or wait for ${taskId}: ${String(error)}`)
    }
  }

  private isUnknownTask(error: unknown): boolean {
    const isNotFound = error instanceof Error && error.name === 'DurableExecutionNotFoundError'
    return isNotFound && this.storedId === null
  }

  /** What was stored is there, and those who wait for it saw it as it is. */
  check(rows: ReadonlyMap<string, ExecutionRecord>): void {
    const { history } = this.world
    if (this.storedId === null) return
    const row = rows.get(this.storedId)
    if (!row) {
      history.violated('G1', `${this.plan.taskId} ${this.storedId} was enqueued and is gone`)
      return
    }
    for (const { awake, seen } of this.waits) {
      const { process } = awake
      if (seen === null && this.isHere(process)) {
        history.violated(
          'progress',
          `${process.name} still waits for ${row.taskId} ${row.executionId}`,
        )
      }
      if (seen !== null && seen.status !== row.status) {
        history.violated(
          'G2',
          `${process.name} saw ${row.taskId} ${row.executionId} as ${seen.status}, but it is ${row.status}`,
        )
      }
    }
  }
}
