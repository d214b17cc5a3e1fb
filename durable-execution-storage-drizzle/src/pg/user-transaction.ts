/** A transaction of the user that an insert joins. */
import { is, sql, type SQL } from 'drizzle-orm'
import { PgTransaction } from 'drizzle-orm/pg-core'
import { DurableExecutionError } from 'durable-execution'

import { lineOf } from '../line'
import type { SqlRow } from '../row'
import { encodeParams, type TextForm } from './encoding'
import { Hints } from './hints'
import { runProgram, type Program, type Step } from './program'
import type { Push } from './push'

/** The part of a Drizzle transaction that programs need. */
interface UserTransaction {
  execute(query: SQL): PromiseLike<unknown>
}

/** What surrounds a program, so that nothing of it stays if it fails and the user commits nevertheless. */
const SAVEPOINT = {
  begin: sql.raw('SAVEPOINT durable_execution'),
  release: sql.raw('RELEASE SAVEPOINT durable_execution'),
  undo: sql.raw('ROLLBACK TO SAVEPOINT durable_execution'),
} as const

/**
 * Runs a program inside a transaction of the user: nothing is tried again. Several in one transaction go one after the other.
 *
 * @throws A non-retryable `DurableExecutionError` if it is none of Drizzle's for PostgreSQL.
 */
export function joinTransaction<T>(
  transaction: unknown,
  program: () => Program<T>,
  form: TextForm,
  push: Push | null,
): Promise<T> {
  const joined = toUserTransaction(transaction)
  return lineOf(joined).join(async () => {
    const hints = new Hints()
    const answer = await guarded(joined, () =>
      runProgram(
        program(),
        (step) => execute(joined, step, form),
        (noted) => {
          hints.note(noted)
        },
      ),
    )
    if (push && push.works !== false && !hints.isEmpty) await notify(joined, hints, form, push)
    return answer
  })
}

/** Nothing of the work stays if it fails. */
async function guarded<T>(transaction: UserTransaction, work: () => Promise<T>): Promise<T> {
  await transaction.execute(SAVEPOINT.begin)
  try {
    const answer = await work()
    await transaction.execute(SAVEPOINT.release)
    return answer
  } catch (error) {
    await undo(transaction)
    throw error
  }
}

/** Sends hints with the commit. Until it has worked once it might be that the database knows no notifications. */
async function notify(
  transaction: UserTransaction,
  hints: Hints,
  form: TextForm,
  push: Push,
): Promise<void> {
  const send = (): Promise<unknown> => execute(transaction, push.stepFor(hints), form)
  if (push.works === true) {
    await send()
    return
  }
  try {
    await guarded(transaction, send)
    push.taken()
  } catch (error) {
    push.refused(error)
  }
}

async function undo(transaction: UserTransaction): Promise<void> {
  try {
    await transaction.execute(SAVEPOINT.undo)
    await transaction.execute(SAVEPOINT.release)
  } catch {
    // The connection is gone, and the transaction with it.
  }
}

function toUserTransaction(transaction: unknown): UserTransaction {
  if (is(transaction, PgTransaction)) return transaction
  throw DurableExecutionError.nonRetryable(
    'Invalid transaction: expected what the callback of db.transaction() was given',
    { code: 'invalid_options' },
  )
}

async function execute(
  transaction: UserTransaction,
  step: Step,
  form: TextForm,
): Promise<readonly SqlRow[]> {
  const params = encodeParams(step, form)
  return toRows(await transaction.execute(toDrizzleSql(step.text, params)))
}

/** A statement and its values as Drizzle takes them: it numbers the places anew. */
function toDrizzleSql(text: string, params: readonly (string | null)[]): SQL {
  const chunks = text.split(/\$(\d+)/).map((part, index) => {
    const isPlace = index % 2 === 1
    return isPlace ? sql.param(params[Number(part) - 1] ?? null) : sql.raw(part)
  })
  return sql.join(chunks)
}

/** Drivers answer rows as objects, in a list of their own kind or in a result; their values are in the order of the columns. */
function toRows(answer: unknown): readonly SqlRow[] {
  const rows: unknown =
    typeof answer === 'object' && answer !== null && 'rows' in answer ? answer.rows : answer
  return Array.isArray(rows) ? rows.map(valuesOf) : []
}

function valuesOf(row: unknown): SqlRow {
  return typeof row === 'object' && row !== null ? Object.values<unknown>({ ...row }) : []
}
