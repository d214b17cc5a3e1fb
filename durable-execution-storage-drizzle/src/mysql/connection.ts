/** A connection of mysql2, for as long as one try of a program needs it. */
import type { SqlRow, SqlValue } from '../row'
import type { DriverConnection, DriverQuery } from './driver'
import type { Connection, Written } from './session'
import { givenUp, whenAborted } from './signal'
import { assertStorable, isStorable } from './texts'

/** How statements are sent. */
export interface Sending {
  /** Prepared on the server and kept so by mysql2, or with their values written into them. */
  readonly isPrepared: boolean
  readonly signal?: AbortSignal | undefined
}

/** Sends statements, one after the other. */
export class OwnConnection implements Connection {
  maxBytes = Infinity
  private hasFailed = false
  private readonly driver: DriverConnection
  private readonly isPrepared: boolean
  private readonly signal: AbortSignal | undefined

  constructor(driver: DriverConnection, { isPrepared, signal }: Sending) {
    this.driver = driver
    this.isPrepared = isPrepared
    this.signal = signal
  }

  /** Whether the connection can't be used any more: what it is in the middle of isn't known. */
  get isBroken(): boolean {
    return this.hasFailed
  }

  /** Says that the connection can't be used any more. */
  break(): void {
    this.hasFailed = true
  }

  async read(text: string, params: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return toRows(await this.send(text, params.map(nullUnlessStorable), this.isPrepared))
  }

  async write(text: string, params: readonly SqlValue[]): Promise<Written> {
    for (const param of params) if (typeof param === 'string') assertStorable(param)
    return toWritten(await this.send(text, params, this.isPrepared))
  }

  async define(text: string): Promise<void> {
    await this.send(text, [], false)
  }

  /** The answer, unless the caller gives up first: then the connection is ended, whatever it is doing. */
  private async send(
    text: string,
    params: readonly SqlValue[],
    isPrepared: boolean,
  ): Promise<unknown> {
    const query: DriverQuery = {
      sql: text,
      values: [...params],
      rowsAsArray: true,
      namedPlaceholders: false,
      nestTables: false,
      typeCast: true,
    }
    const { driver, signal } = this
    const answered = isPrepared ? driver.execute(query) : driver.query(query)
    if (await whenAborted(answered, signal)) {
      this.hasFailed = true
      answered.catch(() => undefined)
      throw givenUp()
    }
    const [answer] = await answered
    return answer
  }
}

/** Rows as drivers give them, with their bytes as texts. */
export function toRows(answer: unknown): readonly SqlRow[] {
  if (!Array.isArray(answer)) return []
  return answer.map((row: unknown) => {
    // Drizzle gives rows as objects, in the order of their columns.
    const values: unknown[] = Array.isArray(row) ? row : Object.values(row as object)
    return values.map((value) => (Buffer.isBuffer(value) ? value.toString() : value))
  })
}

/** What a statement that writes answered. */
export function toWritten(answer: unknown): Written {
  const header = typeof answer === 'object' && answer !== null ? answer : {}
  return {
    count: Number(Reflect.get(header, 'affectedRows') ?? 0),
    warnings: Number(Reflect.get(header, 'warningStatus') ?? 0),
  }
}

/** A text that no row can hold is looked for as NULL, which equals nothing: sent as it is, it would become another text. */
export function nullUnlessStorable(param: SqlValue): SqlValue {
  return typeof param !== 'string' || isStorable(param) ? param : null
}
