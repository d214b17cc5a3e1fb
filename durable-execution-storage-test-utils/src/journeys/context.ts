/** What a journey works with: a fresh storage, and executors on it that are shut down when it is over. */
import {
  DurableExecutor,
  type DurableExecutorOptions,
  type ExecutionRecord,
  type ExecutorEvent,
  type ExecutorEventType,
} from 'durable-execution'

import { present, same } from '../lib/same'
import { systemClock, until, type Clock, type UntilOptions } from '../lib/until'
import { readRows } from '../rows'
import type { StorageUnderTest } from '../storage-under-test'
import { Journal } from './journal'
import { StorageLink } from './link'
import { findJourneyViolations } from './violations'

/** Time-out of task functions that are not to time out, in milliseconds. */
export const LONG_MS = 60_000

/** The shortest lease there is, in milliseconds: for journeys in which one has to lapse. */
export const SHORT_LEASE_MS = 1000

/** Options of an executor of a journey. */
export interface JourneyExecutorOptions extends DurableExecutorOptions {
  /** Its way to the storage. @default one of its own that nothing disturbs */
  readonly link?: StorageLink | undefined
}

/** An event, and the executor that told it. */
export interface JourneyEvent {
  readonly executorId: string
  readonly event: ExecutorEvent
}

const EXECUTOR_OPTIONS = {
  logLevel: 'silent',
  pollIntervalMs: 20,
  abortGraceMs: 200,
  retentionMs: null,
} as const satisfies DurableExecutorOptions

/** How many violations a message lists. */
const MOST_SHOWN = 20

/** A storage, its executors, and what they did. */
export class JourneyContext {
  readonly journal = new Journal()
  readonly events: JourneyEvent[] = []
  private readonly underTest: StorageUnderTest
  private readonly clock: Clock
  private readonly executors: DurableExecutor[] = []
  private readonly links: StorageLink[] = []

  constructor(underTest: StorageUnderTest, clock: Clock = systemClock) {
    this.underTest = underTest
    this.clock = clock
  }

  /** Milliseconds since some moment. */
  now(): number {
    return this.clock.monotonic()
  }

  /** For task functions that take time. Journeys wait with `until`. */
  pause(ms: number): Promise<void> {
    return this.clock.pause(ms)
  }

  /** Resolves when the condition holds, throws if it does not within a generous limit. */
  until(
    what: string,
    condition: () => boolean | Promise<boolean>,
    options: UntilOptions = {},
  ): Promise<void> {
    return until(what, condition, { clock: this.clock, ...options })
  }

  /** A way to the storage that the journey can disturb. */
  link(): StorageLink {
    const link = new StorageLink(this.underTest.storage, this.journal)
    this.links.push(link)
    return link
  }

  /** An executor that is not started: it enqueues, waits and cancels. */
  client(options: JourneyExecutorOptions = {}): DurableExecutor {
    const { link = this.link(), ...given } = options
    const executor: DurableExecutor = new DurableExecutor(link, {
      ...EXECUTOR_OPTIONS,
      ...given,
      onEvent: (event) => {
        this.events.push({ executorId: executor.id, event })
      },
    })
    this.executors.push(executor)
    return executor
  }

  /** An executor that takes work. */
  async executor(options: JourneyExecutorOptions = {}): Promise<DurableExecutor> {
    const executor = this.client(options)
    await executor.start()
    return executor
  }

  /** How often an event of this type was told, by all executors or by one. */
  countEvents(type: ExecutorEventType, by?: DurableExecutor): number {
    const isMeant = ({ executorId, event }: JourneyEvent): boolean =>
      event.type === type && (by === undefined || by.id === executorId)
    return this.events.filter(isMeant).length
  }

  /** The row of an execution; past the storage's verbs, where rows can be had so. */
  async row(executionId: string): Promise<ExecutionRecord> {
    const rows = await readRows(this.underTest, [executionId])
    const row = rows.find((candidate) => candidate.executionId === executionId)
    return present(row, `row ${executionId}`)
  }

  /** All rows, ordered by id. */
  rows(): Promise<ExecutionRecord[]> {
    return readRows(this.underTest, this.journal.executionIds)
  }

  /** Ends all executors; those that were cut off store or drop what they kept. */
  async close(): Promise<void> {
    for (const link of this.links) link.mend()
    await Promise.all(this.executors.map((executor) => executor.shutdown({ graceMs: 5000 })))
  }

  /** Throws unless every execution has ended, once, and every parent with its children. */
  async expectAllEnded(): Promise<void> {
    const violations = findJourneyViolations(await this.rows(), this.journal)
    same(violations.slice(0, MOST_SHOWN), [], 'what is wrong when the journey is over')
  }
}
