/**
 * New work that needs no claim: with a free slot and nothing standing in line, an execution is inserted already `running` under
 * this executor's own claim. Two writes a task rather than three, and no wait.
 *
 * Each row made so has taken a slot; it is used by the run, or given back.
 */
import type { NewExecution } from '../execution/record'
import { delay } from '../lib/environment'
import type { HeldClaim } from './held-claims'
import type { Flow, Runtime } from './runtime'

/** The longest that new work waits for a claim or a settlement under way, or for slots, in milliseconds. */
const LONGEST_WAIT_MS = 50
/** How often it looks for slots meanwhile, in milliseconds. */
const SLOTS_LOOK_MS = 2
/** A line in which work stands for longer than this is not about to end, in milliseconds. */
const SHORT_LINE_MS = 1000
/** New work waits for no more than this share of the slots. */
const WAITED_FOR_SHARE = 0.5

/** Decides which new rows are claimed by their insert. */
export class FastPath<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly flow: Flow

  constructor(runtime: Runtime<TTransaction>, flow: Flow) {
    this.runtime = runtime
    this.flow = flow
  }

  /**
   * Marks rows to be inserted as claimed, as far as slots are free. The run that ends with them hands its own slot on to the first.
   */
  claim(insertions: readonly NewExecution[], from?: HeldClaim): readonly NewExecution[] {
    if (insertions.length === 0 || this.runtime.lifecycle !== 'started') return insertions
    return insertions.map((insertion) => {
      if (!this.canRun(insertion)) return insertion
      if (from?.hasSlot === true) {
        from.hasSlot = false
        return { ...insertion, start: 'claimed' as const }
      }
      const isTaken = this.flow.isDrained(insertion.queue) && this.runtime.slots.tryTake()
      return isTaken ? { ...insertion, start: 'claimed' as const } : insertion
    })
  }

  /**
   * Waits for claims under way that are about to tell whether these rows have to stand in line. Without that, work that arrives
   * while a claim looks is never claimed by its insert again: each batch is the line for the next. What takes long is not waited for.
   */
  async whenKnown(insertions: readonly NewExecution[]): Promise<void> {
    const { environment, lifecycle, slots } = this.runtime
    if (lifecycle !== 'started') return
    const until = environment.monotonic() + LONGEST_WAIT_MS
    const queues = new Set(insertions.map((insertion) => insertion.queue))
    for (const queue of queues) {
      const known = this.flow.whenKnown(queue)
      if (known) await this.before(until, known)
      // Ends are being stored at this moment: their slots are worth more than a place in line.
      if (this.flow.isDrained(queue) && slots.isHeldUp) await this.before(until, slots.whenStored())
    }
    const [queue, ...others] = queues
    if (queue === undefined || others.length > 0 || !slots.areFreedFast) return
    const count = insertions.filter((insertion) => this.canRun(insertion)).length
    if (count > 0) await this.whenFree(queue, count, until)
  }

  /**
   * Waits until there are slots for new work and nothing stands in line, where functions end so fast that this is soon so. Without that,
   * where functions are under way for a while and slots are taken faster than they are freed, all work gets a third write, and the line
   * that it makes keeps itself.
   */
  private async whenFree(queue: string, count: number, until: number): Promise<void> {
    const { environment, slots } = this.runtime
    // Most of them would stand in line all the same.
    if (count > slots.capacity) return
    const wanted = Math.min(count, Math.ceil(slots.capacity * WAITED_FOR_SHARE))
    const isFull = (): boolean => !this.flow.isDrained(queue) || slots.freeCount < wanted
    // What stands in line elsewhere takes the slots as well.
    const isShort = (): boolean => this.flow.longestLineMs() < SHORT_LINE_MS
    while (isFull() && isShort() && environment.monotonic() < until) {
      await delay(environment, SLOTS_LOOK_MS)
    }
  }

  /** Waits for an event, but not beyond a moment on the monotonic clock. */
  private async before(until: number, event: Promise<void>): Promise<void> {
    const { environment } = this.runtime
    const leftMs = until - environment.monotonic()
    if (leftMs <= 0) return
    const ended = new AbortController()
    await Promise.race([event, delay(environment, leftMs, ended.signal)])
    ended.abort()
  }

  /** Gives the slots of rows back that were not inserted as ours. */
  giveBack(insertions: readonly NewExecution[]): void {
    for (const { start } of insertions) {
      if (start === 'claimed') this.runtime.slots.give()
    }
  }

  private canRun({ start, sleepMsBeforeRun, queue, taskId }: NewExecution): boolean {
    if (start !== 'ready' || sleepMsBeforeRun > 0) return false
    if (!this.runtime.options.queues.includes(queue)) return false
    const kind = this.runtime.registry.find(taskId)?.kind
    return kind === 'function' || kind === 'parent'
  }
}
