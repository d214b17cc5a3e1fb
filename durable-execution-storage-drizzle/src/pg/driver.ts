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
}

/** The form of a driver that gives every text back as it was. */
export const AS_IT_IS: TextForm = (text) => text

/** What isolation and access mean does not hang on defaults of the server or the user. */
export const ISOLATION = 'ISOLATION LEVEL READ COMMITTED READ WRITE'

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
      reject(
        DurableExecutionError.retryable('The call to the database was given up', {
          code: 'storage',
        }),
      )
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    const unlisten = (): void => {
      signal.removeEventListener('abort', abort)
    }
    call.then(resolve, reject).finally(unlisten)
  })
}
