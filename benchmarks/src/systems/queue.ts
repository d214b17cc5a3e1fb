/** What P1, P2 and P3 ask of every system that runs tasks. */
/** The input of every task, about a hundred bytes as JSON. */
export interface Input {
  readonly user: string
  readonly action: string
  readonly text: string
  readonly n: number
}

const TEXT = 'x'.repeat(40)

/** The input of a task: no two are the same. */
export function inputOf(n: number): Input {
  return { user: `u_${n}`, action: 'send_welcome', text: TEXT, n }
}

/** The inputs of the next tasks. */
export function inputsFrom(first: number, count: number): Input[] {
  return Array.from({ length: count }, (_, index) => inputOf(first + index))
}

/** What a task makes of its input. */
export function outputOf({ n }: Pick<Input, 'n'>): { ok: boolean; n: number } {
  return { ok: true, n: n + 1 }
}

/** Rows a statement, where many are written at once. */
export const BATCH = 1000

/** A system on a database of its own. */
export interface TaskQueue {
  /** How it was set up, in words. */
  readonly settings: string
  /** The share of the tasks that it can do in a time like the others'. @default 1 */
  readonly share?: number
  /** Puts tasks into the database, many at once. */
  enqueue(inputs: readonly Input[]): Promise<void>
  /** Begins to run them. */
  start(): Promise<void>
  /** Resolves when the ends of so many tasks, counted from the beginning, are stored. */
  whenDone(count: number): Promise<void>
  /** Enqueues a task and waits for its end. */
  roundTrip(input: Input): Promise<void>
  /** Does some work while every write is on the disk before it is answered, if that can be. Missing where it always is so. */
  whileSynced?(work: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

/** Counts ends, and resolves at a number of them. */
export class Counter {
  private count = 0
  private target = Infinity
  private reached: () => void = () => undefined

  add(ended = 1): void {
    this.count += ended
    if (this.count >= this.target) this.reached()
  }

  /** Resolves when so many were counted. */
  whenAt(target: number): Promise<void> {
    if (this.count >= target) return Promise.resolve()
    return new Promise((resolve) => {
      this.target = target
      this.reached = resolve
    })
  }
}

/** A list in parts. */
export function batchesOf<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = []
  for (let from = 0; from < items.length; from += size) batches.push(items.slice(from, from + size))
  return batches
}
