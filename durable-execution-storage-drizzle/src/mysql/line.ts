/** Lets one call in at a time, in the order in which they came. */
export class Line {
  private last: Promise<unknown> = Promise.resolve()

  /** Runs the call when those before it are over. */
  join<T>(call: () => Promise<T>): Promise<T> {
    const mine = this.last.then(call)
    this.last = mine.catch(() => undefined)
    return mine
  }
}

const lines = new WeakMap<object, Line>()

/** The line of a client: storages that share one connection share its line. */
export function lineOf(client: object): Line {
  const known = lines.get(client)
  if (known) return known
  const line = new Line()
  lines.set(client, line)
  return line
}
