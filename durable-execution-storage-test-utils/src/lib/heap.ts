/** A priority queue: a binary heap. */

/** Values, of which the least comes out first. */
export class Heap<T> {
  private readonly values: T[] = []
  private readonly isBefore: (a: T, b: T) => boolean

  /** @param isBefore - A strict order of the values. */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.isBefore = isBefore
  }

  get size(): number {
    return this.values.length
  }

  /** The least value, which stays. */
  peek(): T | undefined {
    return this.values[0]
  }

  push(value: T): void {
    const { values } = this
    let index = values.length
    values.push(value)
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = values[above]
      if (parent === undefined || !this.isBefore(value, parent)) break
      values[index] = parent
      index = above
    }
    values[index] = value
  }

  /** Takes the least value out. */
  pop(): T | undefined {
    const { values } = this
    const least = values[0]
    const last = values.pop()
    if (last === undefined || values.length === 0) return least
    this.sinkFromTop(last)
    return least
  }

  private sinkFromTop(value: T): void {
    const { values } = this
    let index = 0
    for (;;) {
      const left = values[2 * index + 1]
      const right = values[2 * index + 2]
      if (left === undefined) break
      const isRight = right !== undefined && this.isBefore(right, left)
      const least = isRight ? right : left
      if (!this.isBefore(least, value)) break
      values[index] = least
      index = 2 * index + (isRight ? 2 : 1)
    }
    values[index] = value
  }
}
