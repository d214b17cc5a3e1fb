/**
 * Hints: what a write made due, finished or cancelled, for whoever may wait for it. Verbs note them, they are gathered, and travel
 * as the payload of a NOTIFY. All of them may be lost, or say too much: `null` stands for ids that are not worth naming.
 */
import { isFinished, SOON_MS, type Settlement, type StorageListener } from 'durable-execution'

/** The most ids that a notification names. */
const MAX_IDS = 200
/** PostgreSQL takes less than 8000 bytes. */
const MAX_BYTES = 7900

/** What a verb notes. */
export interface Note {
  /** Queues in which something is due, and in how many milliseconds; `null`: some queue. */
  readonly due?: readonly (readonly [queue: string | null, inMs: number])[]
  readonly finished?: readonly string[]
  readonly cancelled?: readonly string[]
}

/** Ids, or `null`: some. */
type Ids = ReadonlySet<string> | null

const NONE: Ids = new Set<string>()

/** Notes gathered, until they are sent. */
export class Hints {
  private readonly dueInMs = new Map<string | null, number>()
  private finished = NONE
  private cancelled = NONE
  /** Somebody waits for finished executions. */
  private saysAwaited = false

  get isEmpty(): boolean {
    return this.finished?.size === 0 && this.isOnlyOfFinished
  }

  /** Whether they say no more than that something finished. */
  get isVague(): boolean {
    return this.finished === null && this.isOnlyOfFinished
  }

  private get isOnlyOfFinished(): boolean {
    return this.dueInMs.size === 0 && this.cancelled?.size === 0 && !this.saysAwaited
  }

  note({ due = [], finished = [], cancelled = [] }: Note): void {
    for (const [queue, inMs] of due) this.noteDue(queue, inMs)
    this.finished = union(this.finished, finished)
    this.cancelled = union(this.cancelled, cancelled)
  }

  noteAwaited(): void {
    this.saysAwaited = true
  }

  /** Finished executions are not told, or not by name. */
  hideFinished(how: 'all' | 'names'): void {
    this.finished = how === 'all' || this.finished?.size === 0 ? NONE : null
  }

  add(other: Hints): void {
    for (const [queue, inMs] of other.dueInMs) this.noteDue(queue, inMs)
    this.finished = union(this.finished, other.finished)
    this.cancelled = union(this.cancelled, other.cancelled)
    this.saysAwaited ||= other.saysAwaited
  }

  /** As a payload that PostgreSQL takes. */
  encode(): string {
    const payload = this.payload()
    const text = JSON.stringify(payload)
    if (Buffer.byteLength(text) <= MAX_BYTES) return text
    const { d, f, c } = payload
    const soonest = Math.min(...this.dueInMs.values())
    return JSON.stringify({
      ...payload,
      d: d && undefined,
      a: d && soonest,
      f: f && LOOK,
      c: c && LOOK,
    } satisfies Payload)
  }

  private payload(): Payload {
    const { finished, cancelled, saysAwaited } = this
    const anyInMs = this.dueInMs.get(null)
    const queues = [...this.dueInMs].filter((entry): entry is [string, number] => entry[0] !== null)
    return {
      ...(queues.length > 0 && { d: queues }),
      ...(anyInMs !== undefined && { a: anyInMs }),
      ...(finished?.size !== 0 && { f: named(finished) }),
      ...(cancelled?.size !== 0 && { c: named(cancelled) }),
      ...(saysAwaited && { w: 1 }),
    }
  }

  private noteDue(queue: string | null, inMs: number): void {
    if (inMs > SOON_MS) return
    const soonest = Math.min(this.dueInMs.get(queue) ?? Infinity, Math.max(0, Math.ceil(inMs)))
    this.dueInMs.set(queue, soonest)
  }
}

/** Instead of ids: look. */
const LOOK = 1

/** What travels. Its names are short: it is sent often. */
interface Payload {
  /** Queues in which something is due, and in how many milliseconds. */
  readonly d?: readonly (readonly [string, number])[] | undefined
  /** The same for any queue. */
  readonly a?: number | undefined
  readonly f?: readonly string[] | typeof LOOK | undefined
  readonly c?: readonly string[] | typeof LOOK | undefined
  /** Somebody waits for finished executions. */
  readonly w?: 1 | undefined
}

function union(ids: Ids, others: Iterable<string> | null): Ids {
  if (ids === null || others === null) return null
  const all = new Set([...ids, ...others])
  return all.size > MAX_IDS ? null : all
}

function named(ids: Ids): readonly string[] | typeof LOOK {
  return ids === null ? LOOK : [...ids]
}

/** Tells what a payload says; one of others than us says nothing. Answers whether it says that somebody waits. */
export function tell(text: string, listeners: Iterable<StorageListener>): boolean {
  const { d, a, f, c, w } = parse(text)
  const due = dueOf(d)
  for (const listener of listeners) {
    for (const [queue, inMs] of due) listener.onDue([queue], inMs)
    if (typeof a === 'number') listener.onDue(null, a)
    if (f !== undefined) listener.onFinished(idsOf(f))
    if (c !== undefined) listener.onCancelled(idsOf(c))
  }
  return w === 1
}

function dueOf(value: unknown): [string, number][] {
  const entries: unknown[] = Array.isArray(value) ? value : []
  return entries.filter(isDue)
}

function isDue(entry: unknown): entry is [string, number] {
  return Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number'
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function idsOf(value: unknown): string[] | null {
  if (!Array.isArray(value)) return null
  return value.filter((id): id is string => typeof id === 'string')
}

/**
 * What settlements that applied make due and finish. An executor that takes work does its own retries: those of one that does not are
 * for others.
 */
export function settledNote(applied: readonly Settlement[], takesWork: boolean): Note {
  const due: (readonly [string | null, number])[] = []
  const finished: string[] = []
  for (const { executionId, change, insertions } of applied) {
    if (change.status === 'ready' && !takesWork) due.push([null, change.claimInMs ?? 0])
    if (insertions.length > 0) due.push(...dueInsertions(insertions))
    if (isFinished(change.status)) finished.push(executionId)
  }
  return { due, finished }
}

/** What rows that are inserted make due: not those that are claimed by their insert. */
export function dueInsertions(
  insertions: readonly Settlement['insertions'][number][],
): (readonly [string, number])[] {
  return insertions
    .filter(({ start }) => start === 'ready')
    .map(({ queue, sleepMsBeforeRun }) => [queue, sleepMsBeforeRun])
}
