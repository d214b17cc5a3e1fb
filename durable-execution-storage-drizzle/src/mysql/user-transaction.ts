/** A transaction of the user that an insert joins. */
import { is, sql, type SQL } from 'drizzle-orm'
import { MySqlTransaction } from 'drizzle-orm/mysql-core'
import { DurableExecutionError } from 'durable-execution'

import type { SqlRow, SqlValue } from '../row'
import { nullUnlessStorable, toRows, toWritten } from './connection'
import { ASK_SERVER, toServer } from './server'
import type { Connection, Written } from './session'
import { assertStorable } from './texts'

/** The part of a Drizzle transaction that programs need. */
interface UserTransaction {
  execute(query: SQL): Promise<unknown>
}

/** Sends statements in a transaction of the user, as Drizzle does: with their values written into them. */
export class UserConnection implements Connection {
  readonly maxBytes: number
  private readonly transaction: UserTransaction

  private constructor(transaction: UserTransaction, maxBytes: number) {
    this.transaction = transaction
    this.maxBytes = maxBytes
  }

  /**
   * @param transaction - What the callback of `db.transaction()` was given.
   * @throws A non-retryable `DurableExecutionError` if it is none of Drizzle's for MySQL.
   */
  static async open(transaction: unknown): Promise<UserConnection> {
    if (!is(transaction, MySqlTransaction)) {
      throw DurableExecutionError.nonRetryable(
        'Invalid transaction: expected what the callback of db.transaction() was given',
        { code: 'invalid_options' },
      )
    }
    const [row] = await new UserConnection(transaction, 0).read(ASK_SERVER, [])
    // Half: characters with a meaning in SQL take two bytes.
    return new UserConnection(transaction, toServer(row, true).maxPacketBytes / 2)
  }

  async read(text: string, params: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return toRows(await this.send(text, params.map(nullUnlessStorable)))
  }

  async write(text: string, params: readonly SqlValue[]): Promise<Written> {
    for (const param of params) if (typeof param === 'string') assertStorable(param)
    return toWritten(await this.send(text, params))
  }

  async define(text: string): Promise<void> {
    await this.send(text, [])
  }

  private async send(text: string, params: readonly SqlValue[]): Promise<unknown> {
    const answer = await this.transaction.execute(toDrizzleSql(text, params))
    return Array.isArray(answer) ? (answer as unknown[])[0] : undefined
  }
}

/** A statement and its values as Drizzle takes them. */
function toDrizzleSql(text: string, params: readonly SqlValue[]): SQL {
  const chunks = text.split('?').flatMap((part, index) => {
    const value = params[index]
    return value === undefined ? sql.raw(part) : [sql.raw(part), sql.param(value)]
  })
  return sql.join(chunks)
}
