/** What a session needs of a driver, and what drivers share. */
import { DurableExecutionError } from 'durable-execution'

import type { SqlRow } from '../row'
import type { TextForm } from './encoding'

/** One statement; with a name it is prepared under it. */
export interface Query {
  readonly text: string
  readonly params: (string | null)[]
  readonly name: string | null
}

/** Sends a statement and answers its rows, values by position. */
export type Execute = (query: Query) => Promise<readonly SqlRow[]>

/** A connection of its own that hears notifications, until it is lost. */
export interface Ear {
  /** Whether it surely reaches the server itself: behind a pooler it might hear nothing. */
  readonly isDirect: boolean
  query(query: Query): Promise<readonly SqlRow[]>
  /** Ends it, however it is. */
  close(): Promise<void>
}

/** How an ear is opened. */
export interface EarOptions {
  readonly channel: string
  readonly onPayload: (payload: string) => void
  /** The connection is lost, or was and is another now: what was sent meanwhile is lost too. */
  readonly onLost: () => void
  /** Aborted when opening it is given up. */
  readonly signal: AbortSignal
}

/** A driver of PostgreSQL. When the signal is aborted, a call rejects, and a connection that hangs in it is destroyed if it can be. */
export interface Driver {
  /** How texts are given to it; as they are, if it gives them back so. */
  readonly textForm: TextForm
  /** One statement, on any connection. */
  query(query: Query, signal: AbortSignal | undefined): Promise<readonly SqlRow[]>
  /** A transaction in READ COMMITTED, whatever the default. */
  transaction<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T>
  /** Opens a connection that listens; none of the pool's where that can be. */
  openEar(options: EarOptions): Promise<Ear>
}

/** The form of a driver that gives every text back as it was. */
export const AS_IT_IS: TextForm = (text) => text

/** What isolation and access mean does not hang on defaults of the server or the user. */
export const ISOLATION = 'ISOLATION LEVEL READ COMMITTED READ WRITE'

/** Which process of the server a connection reaches. */
export const BACKEND = 'SELECT pg_backend_pid()'

/** Waits for a call no longer than until the signal is aborted; then `onAbort` ends what can be ended. */
export function unlessAborted<T>(
  call: Promise<T>,
  signal: AbortSignal | undefined,
  onAbort: () => void = () => undefined,
): Promise<T> {
  if (!signal) return call
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      onAbort()
      reject(givenUp())
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    const unlisten = (): void => {
      signal.removeEventListener('abort', abort)
    }
    call.then(unlisten, unlisten)
    call.then(resolve, reject)
  })
}

/** The error of a call whose signal was aborted. */
export function givenUp(cause?: unknown): DurableExecutionError {
  return DurableExecutionError.retryable('The call to the database was given up', {
    code: 'storage',
    cause,
  })
}
