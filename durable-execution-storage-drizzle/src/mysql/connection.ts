/** A connection of mysql2, for as long as one try of a program needs it. */
import type { SqlRow, SqlValue } from '../row'
import type { DriverConnection, DriverQuery } from './driver'
import type { Connection, Written } from './session'
import { givenUp, whenAborted } from './signal'
import { assertStorable, isStorable } from './texts'

/** `max_prepared_stmt_count` was reached: 16382, unless the server is told otherwise. */
const TOO_MANY_PREPARED = 1461

/** How statements are sent. */
export interface Sending {
  /** Prepared on the server and kept so by mysql2, or with their values written into them. */
  readonly isPrepared: boolean
  readonly signal?: AbortSignal | undefined
}

/** Sends statements, one after the other. */
export class OwnConnection implements Connection {
  maxBytes = Infinity
  /** Whether values may be written into statements where the server takes no more prepared ones. */
  mayEscape = false
  /** Whether the last statement that wrote has ended, and was committed with its end. */
  isCommitted = true
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
    this.isCommitted = false
    const answer = await this.send(text, params, this.isPrepared)
    this.isCommitted = statusOf(answer) === COMMITTED
    return toWritten(answer)
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
    const answered = isPrepared ? this.execute(query) : driver.query(query)
    if (await whenAborted(answered, signal)) {
      this.hasFailed = true
      answered.catch(() => undefined)
      throw givenUp()
    }
    const [answer] = await answered
    return answer
  }

  /**
   * Sends a prepared statement. The server counts those of all connections of all processes; where it takes no more, nothing was
   * executed yet, and the statement goes as it is.
   */
  private async execute(query: DriverQuery): Promise<[unknown, unknown]> {
    try {
      return await this.driver.execute(query)
    } catch (error) {
      const isSafe = this.mayEscape || query.values.length === 0
      if (!isSafe || !isOverLimit(error)) throw error
      return this.driver.query(query)
    }
  }
}

function isOverLimit(error: unknown): boolean {
  const isError = typeof error === 'object' && error !== null
  return isError && Reflect.get(error, 'errno') === TOO_MANY_PREPARED
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
    lastInsertId: Number(Reflect.get(header, 'insertId') ?? 0),
  }
}

/** Of the flags that tell of transactions: statements commit by themselves, and none is open. */
const COMMITTED = 2
const TRANSACTION_FLAGS = 1 | COMMITTED

function statusOf(answer: unknown): number {
  const status: unknown =
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'serverStatus') : 0
  return Number(status) & TRANSACTION_FLAGS
}

/** A text that no row can hold is looked for as NULL, which equals nothing: sent as it is, it would become another text. */
export function nullUnlessStorable(param: SqlValue): SqlValue {
  return typeof param !== 'string' || isStorable(param) ? param : null
}
