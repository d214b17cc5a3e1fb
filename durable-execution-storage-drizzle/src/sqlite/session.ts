/**
 * How programs reach the database: in a transaction of their own (`run`), or inside a transaction of the user (`join`). There is
 * one session for drivers that answer at once, and one for those that answer later.
 */
import type { Environment } from 'durable-execution'

import { assertStorable } from '../text'
import type { Program, WriteStep } from './program'
import type { UserTransaction } from './user-transaction'

/** A transaction of its own, for one program. */
export interface OwnTransaction<T> {
  /** Whether the program writes: then it has the write lock from its beginning. */
  readonly mode: 'read' | 'write'
  /** Takes the write lock, where the driver cannot begin with it. */
  readonly lock: string
  /** Makes the program, once for each try. */
  readonly program: () => Program<T>
  /** Aborted when the caller gave up: no further try is made. */
  readonly signal?: AbortSignal | undefined
}

/** A program inside a transaction of the user. */
export interface JoinedTransaction<T> {
  readonly transaction: UserTransaction
  /** Takes the write lock, so that what the program reads is not outdated when it writes. */
  readonly lock: string
  readonly program: () => Program<T>
}

/** Runs programs on the connection, or the connections, of one Drizzle database. */
export interface Session {
  /** Runs a program in a transaction of its own, and waits for locks. */
  run<T>(own: OwnTransaction<T>): Promise<T>
  /**
   * Runs a program inside a transaction of the user: nothing is waited for, nothing is tried again, and if it fails, nothing of
   * it stays. With a synchronous driver it is over, or has thrown, when this returns.
   */
  join<T>(joined: JoinedTransaction<T>): Promise<T>
}

/** What sessions need besides the database. */
export interface SessionOptions {
  readonly environment: Environment
  /** Whether statements are kept prepared. */
  readonly preparedStatements: boolean
}

/** Refuses values that would come back changed. */
export function assertStorableStep({ paramsOfEach }: WriteStep): void {
  for (const params of paramsOfEach) {
    for (const param of params) if (typeof param === 'string') assertStorable(param)
  }
}
