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

/** The longest that new work waits for a claim under way, in milliseconds. */
const LONGEST_WAIT_MS = 50

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
   * while a claim looks is never claimed by its insert again: each batch is the line for the next. A claim that takes long is not
   * waited for.
   */
  async whenKnown(insertions: readonly NewExecution[]): Promise<void> {
    const { lifecycle, slots } = this.runtime
    if (lifecycle !== 'started') return
    for (const queue of new Set(insertions.map((insertion) => insertion.queue))) {
      const known = this.flow.whenKnown(queue)
      if (known) await this.briefly(known)
      // Ends are being stored at this moment: their slots are worth more than a place in line.
      if (this.flow.isDrained(queue) && slots.isHeldUp) await this.briefly(slots.whenStored())
    }
  }

  private async briefly(event: Promise<void>): Promise<void> {
    const ended = new AbortController()
    await Promise.race([event, delay(this.runtime.environment, LONGEST_WAIT_MS, ended.signal)])
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
