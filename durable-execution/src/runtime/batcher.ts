/**
 * Group commit. One flush is in flight at a time. If none is, a new item is flushed as soon as all that can run without waiting
 * has run, or, where more may come of what is due at the same moment, when that has run too; what arrives during a flush goes with
 * the next. Alone, an item pays no waiting; under load batches grow by themselves.
 *
 * A batch that is refused for good, or held up by somebody's open transaction, is split in halves until the culprit stands alone: only
 * it fails.
 */
import { createDeferred, type Deferred } from '../lib/deferred'
import { afterMicrotasks, type Environment } from '../lib/environment'
import { StorageHeldUpError } from '../storage/held-up'
import { isPermanent } from './storage-calls'

/** How a batcher batches. */
export interface BatcherOptions<TItem, TAnswer> {
  readonly environment: Environment
  /** The most items of one batch. */
  readonly maxItems: number
  /** The most bytes of one batch; a larger item goes alone. */
  readonly maxBytes: number
  readonly sizeOf: (item: TItem) => number
  /** Made for each batch: whether an item may join it. One that must not meet those that have joined is left for the next. */
  readonly createAdmission?: () => (item: TItem) => boolean
  /** Whether more items may come in this turn of the event loop. The first of a batch waits for them. @default never */
  readonly mayBringMore?: () => boolean
  /** Stores a batch and answers each item, in order. Tries again by itself what may work later. */
  readonly flush: (items: readonly TItem[]) => Promise<readonly (TAnswer | Promise<TAnswer>)[]>
  /** What becomes of an item that failed. The next batch does not wait for it. @default it rejects with the error */
  readonly failed?: (item: TItem, error: unknown) => Promise<TAnswer>
}

interface Entry<TItem, TAnswer> extends Deferred<TAnswer> {
  readonly item: TItem
}

/** Collects items into batches. */
export class Batcher<TItem, TAnswer> {
  private readonly options: BatcherOptions<TItem, TAnswer>
  private waiting: Entry<TItem, TAnswer>[] = []
  private inFlight: readonly Entry<TItem, TAnswer>[] = []
  private isBusy = false
  private flushedItems = 0
  private flushes = 0

  constructor(options: BatcherOptions<TItem, TAnswer>) {
    this.options = options
  }

  get waitingCount(): number {
    return this.waiting.length
  }

  /** Items of a flush, on average. */
  get meanBatchSize(): number {
    return this.flushes === 0 ? 0 : this.flushedItems / this.flushes
  }

  /** Resolves when the item was stored, rejects when it was refused for good. */
  add(item: TItem): Promise<TAnswer> {
    const { promise, resolve, reject } = createDeferred<TAnswer>()
    this.waiting.push({ item, promise, resolve, reject })
    if (!this.isBusy) {
      this.isBusy = true
      this.begin()
    }
    return promise
  }

  private begin(): void {
    const { environment, mayBringMore } = this.options
    environment.afterMicrotasks(() => {
      // Node runs all microtasks after each timer: the first of a hundred that fire together would be stored alone.
      if (mayBringMore?.() === true) environment.afterTurn(() => void this.flushAll())
      else void this.flushAll()
    })
  }

  /** Resolves when all that was added so far is stored or refused. What comes later is not waited for: under load there is always more. */
  async whenStored(): Promise<void> {
    await Promise.allSettled([...this.inFlight, ...this.waiting].map(({ promise }) => promise))
  }

  private async flushAll(): Promise<void> {
    while (this.waiting.length > 0) {
      this.inFlight = this.take()
      await this.flush(this.inFlight)
      // What the answers set off comes first: functions that end at once free the slots that the next batch can use.
      await afterMicrotasks(this.options.environment)
    }
    this.inFlight = []
    this.isBusy = false
  }

  /** Takes items in their order, up to the limits. */
  private take(): Entry<TItem, TAnswer>[] {
    const { maxItems, maxBytes, sizeOf, createAdmission } = this.options
    const batch: Entry<TItem, TAnswer>[] = []
    const left: Entry<TItem, TAnswer>[] = []
    const admits = createAdmission?.()
    let bytes = 0
    let index = 0
    for (; index < this.waiting.length && batch.length < maxItems; index += 1) {
      const entry = this.waiting[index]
      if (entry === undefined) break
      if (admits?.(entry.item) === false) {
        left.push(entry)
        continue
      }
      bytes += sizeOf(entry.item)
      if (batch.length > 0 && bytes > maxBytes) break
      batch.push(entry)
    }
    this.waiting = left.concat(this.waiting.slice(index))
    return batch
  }

  private async flush(batch: readonly Entry<TItem, TAnswer>[]): Promise<void> {
    try {
      const answers = await this.options.flush(batch.map(({ item }) => item))
      this.flushes += 1
      this.flushedItems += batch.length
      batch.forEach(({ resolve, reject }, index) => {
        // `undefined` may be an answer.
        if (index < answers.length) resolve(answers[index] as TAnswer | Promise<TAnswer>)
        else reject(new Error('A flush answered too few items'))
      })
    } catch (error) {
      if (batch.length > 1 && (isPermanent(error) || error instanceof StorageHeldUpError)) {
        const half = Math.ceil(batch.length / 2)
        await this.flush(batch.slice(0, half))
        await this.flush(batch.slice(half))
        return
      }
      const { failed } = this.options
      for (const { item, resolve, reject } of batch) {
        if (failed) resolve(failed(item, error))
        else reject(error)
      }
    }
  }
}
