/** Finds a short sequence of calls that still shows a difference. */
import type { CreateStorage } from '../storage-under-test'
import type { Call } from './call'
import { differenceOfCalls, type Difference, type MadeCall } from './sequence'

/**
 * Leaves out calls as long as some difference stays: first halves, then quarters, …, then single calls ("delta debugging": Zeller
 * and Hildebrandt, IEEE Transactions on Software Engineering, 2002); then the parts of each call.
 *
 * @param maxRuns - How many sequences are tried at most.
 */
export async function shrink(
  createStorage: CreateStorage,
  difference: Difference,
  maxRuns: number,
): Promise<Difference> {
  const earliest = await differenceOfCalls(createStorage, difference.calls, { rowsEvery: 1 })
  const search = new Search(createStorage, earliest ?? difference, maxRuns)
  await search.leaveOutCalls()
  await search.leaveOutParts()
  return search.best
}

class Search {
  best: Difference
  private readonly createStorage: CreateStorage
  private runsLeft: number

  constructor(createStorage: CreateStorage, best: Difference, runsLeft: number) {
    this.createStorage = createStorage
    this.best = best
    this.runsLeft = runsLeft
  }

  async leaveOutCalls(): Promise<void> {
    for (let size = Math.ceil(this.best.calls.length / 2); size >= 1;) {
      const isShorter = await this.leaveOutChunks(size)
      // Single calls once more for as long as that helps: each one left out may make others needless.
      if (size > 1) size = Math.ceil(size / 2)
      else if (!isShorter) return
    }
  }

  /** Leaves out parts of each call: a row of an insert, an item of a settle, … */
  async leaveOutParts(): Promise<void> {
    for (let index = this.best.calls.length - 1; index >= 0; index -= 1) {
      let isSimpler = true
      while (isSimpler) isSimpler = await this.simplify(index)
    }
  }

  private async leaveOutChunks(size: number): Promise<boolean> {
    let isShorter = false
    for (let start = 0; start < this.best.calls.length;) {
      const { calls } = this.best
      const isNeedless = await this.tries([...calls.slice(0, start), ...calls.slice(start + size)])
      if (isNeedless) isShorter = true
      else start += size
    }
    return isShorter
  }

  private async simplify(index: number): Promise<boolean> {
    const made = this.best.calls[index]
    for (const call of made ? simplerCalls(made.call) : []) {
      const calls = this.best.calls.map((other) => (other === made ? { ...made, call } : other))
      if (await this.tries(calls)) return true
    }
    return false
  }

  /** Keeps these calls if they show a difference too. */
  private async tries(calls: readonly MadeCall[]): Promise<boolean> {
    if (this.runsLeft <= 0) return false
    this.runsLeft -= 1
    const difference = await differenceOfCalls(this.createStorage, calls, { rowsEvery: Infinity })
    if (difference) this.best = difference
    return difference !== null
  }
}

/** The call without one of its parts, for each of them. */
function simplerCalls({ verb, request }: Call): Call[] {
  switch (verb) {
    case 'insert':
      return withoutEach(request.executions).map((executions) => ({
        verb,
        request: { ...request, executions },
      }))
    case 'settle':
      return withoutEach(request.settlements).map((settlements) => ({
        verb,
        request: { ...request, settlements },
      }))
    case 'release':
      return withoutEach(request.claims).map((claims) => ({
        verb,
        request: { ...request, claims },
      }))
    case 'renew':
      return withoutEach(request.claims).map((claims) => ({
        verb,
        request: { ...request, claims },
      }))
    case 'cancel':
      return withoutEach(request.executionIds).map((executionIds) => ({
        verb,
        request: { ...request, executionIds },
      }))
    default:
      return []
  }
}

/** The list without one of its values, for each of them. */
function withoutEach<T>(values: readonly T[]): T[][] {
  return values.map((_, left) => values.filter((_value, index) => index !== left))
}
