import { DurableExecutionError } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { createSQLiteTaskExecutionsTable } from './sqlite/table'
import { checkTableName, MAX_TABLE_NAME_LENGTH } from './table-name'

describe('checkTableName', () => {
  it.each(['task_executions', 'T', '_jobs2', 'x'.repeat(MAX_TABLE_NAME_LENGTH)])(
    'takes %s',
    (name) => {
      expect(checkTableName(name)).toBe(name)
    },
  )

  it.each([
    '',
    '1st',
    'a b',
    'a-b',
    'a.b',
    'täsk',
    'tasks"; DROP TABLE users; --',
    "tasks'",
    'tasks\0',
    'tasks\n',
    'sqlite_tasks',
    'SQLite_tasks',
    'pg_tasks',
    'x'.repeat(MAX_TABLE_NAME_LENGTH + 1),
  ])('refuses %j and says why', (name) => {
    const error = thrownBy(() => createSQLiteTaskExecutionsTable(name))
    expect(error).toBeInstanceOf(DurableExecutionError)
    expect(error).toMatchObject({ code: 'invalid_options', isRetryable: false })
    expect(String(error)).toContain(`Invalid table name ${JSON.stringify(name)}: `)
  })
})

function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('Nothing was thrown')
}
