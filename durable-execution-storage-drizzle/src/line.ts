/** Calls in line, where a connection or a transaction is shared, or connections are few. */

/** Lets so many calls in at a time, in the order in which they came: of those that wait for the lock only the first asks for it. */
export class Line {
  private readonly most: number
  private underWay = 0
  private readonly waiting: (() => void)[] = []

  constructor(most = 1) {
    this.most = most
  }

  /** Runs the call when its turn has come; if it need not wait, it begins before this returns. */
  async join<T>(call: () => Promise<T>): Promise<T> {
    if (this.underWay < this.most) this.underWay += 1
    else {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve)
      })
    }
    try {
      return await call()
    } finally {
      this.leave()
    }
  }

  /** The place of a call that is over goes to the one that has waited longest. */
  private leave(): void {
    const next = this.waiting.shift()
    if (next) next()
    else this.underWay -= 1
  }
}

const lines = new WeakMap<object, Line>()

/** The line of a client: storages that share a client share its line. */
export function lineOf(client: object): Line {
  const known = lines.get(client)
  if (known) return known
  const line = new Line()
  lines.set(client, line)
  return line
}
