/** A generator of random numbers that a seed determines: the same on every machine and in every version of Node. */

/** Random choices from a seed. */
export class SeededRandom {
  private state: number

  /** @param seed - Any number; only its lowest 32 bits count. */
  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /**
   * The next 32 bits: SplitMix (Steele, Lea, Flood, OOPSLA 2014) narrowed to 32 bits, that is a Weyl sequence whose values are
   * mixed by the finalizer of MurmurHash3.
   */
  bits(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.bits() / 2 ** 32
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1))
  }

  /** `true` in this share of all calls. */
  chance(share: number): boolean {
    return this.fraction() < share
  }

  /** One of the values; `undefined` if there is none. */
  pick<T>(values: readonly T[]): T | undefined {
    return values[this.integer(0, values.length - 1)]
  }

  /** One of the values, for lists that are known not to be empty. */
  oneOf<T>(first: T, ...others: T[]): T {
    return this.pick([first, ...others]) ?? first
  }

  /** Up to `count` different values, in random order. */
  sample<T>(values: readonly T[], count: number): T[] {
    const left = [...values]
    const taken: T[] = []
    while (taken.length < count && left.length > 0) {
      taken.push(...left.splice(this.integer(0, left.length - 1), 1))
    }
    return taken
  }

  /** A key of the table, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>, fallback: NoInfer<K>): K {
    const entries = Object.entries<number>(weights)
    let left = this.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of entries) {
      left -= weight
      // Object.entries forgets that the keys are K.
      if (left < 0) return key as K
    }
    return fallback
  }
}
