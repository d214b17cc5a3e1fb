/**
 * How each database tells of waits for locks.
 *
 * - PostgreSQL says of each lock that is not granted since when it is waited for (`pg_locks.waitstart`). A wait ended between two
 *   looks: it counts until the second. Waits that fall between two looks are not seen: what is measured is longer than what is.
 * - MySQL and MariaDB count the waits for rows of the whole server, and sum up how long they took (`Innodb_row_lock_*`): those
 *   that ended between two looks count with their mean. Nobody else may be on the server.
 * - SQLite has one lock for all who write. The probe takes it, as a storage does, for a write that finds nothing to do.
 */
import type { LockProbe } from 'durable-execution-storage-test-utils'

import { APPLICATION_NAME, type LoadDatabase, type LoadPlace } from './databases'

/** The probe for a database. */
export function lockProbe(kind: LoadPlace['kind'], database: LoadDatabase): LockProbe {
  switch (kind) {
    case 'pg':
      return pgProbe(database)
    case 'mysql':
      return mySqlProbe(database)
    case 'sqlite':
      return sqliteProbe(database)
  }
}

function pgProbe({ query }: LoadDatabase): LockProbe {
  const text = `SELECT l.pid || ' ' || l.waitstart, (extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)::float8 FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE NOT l.granted AND l.waitstart IS NOT NULL AND a.application_name = '${APPLICATION_NAME}'`
  let waiting = new Map<string, number>()
  let lookedAt = 0
  return async () => {
    const now = performance.now()
    const rows = await query(text)
    const seen = new Map(rows.map(([id, waitedMs]) => [String(id), Number(waitedMs)]))
    const ended = [...waiting].filter(([id]) => !seen.has(id))
    const sinceMs = now - lookedAt
    waiting = seen
    lookedAt = now
    return ended.map(([, waitedMs]) => waitedMs + sinceMs)
  }
}

function mySqlProbe({ query }: LoadDatabase): LockProbe {
  const names = ['current_waits', 'time', 'waits'].map((name) => `'Innodb_row_lock_${name}'`)
  const text = `SHOW GLOBAL STATUS WHERE Variable_name IN (${names.join(', ')})`
  let before: { readonly ended: number; readonly ms: number } | null = null
  return async () => {
    const values = new Map((await query(text)).map(([name, value]) => [name, Number(value)]))
    const value = (name: string): number => values.get(`Innodb_row_lock_${name}`) ?? 0
    const now = { ended: value('waits') - value('current_waits'), ms: value('time') }
    const { ended, ms } = before ?? now
    // Counted one after the other: what has no count yet has one at the next look.
    const count = now.ended - ended
    if (before !== null && count <= 0) return []
    before = now
    return Array.from({ length: count }, () => (now.ms - ms) / count)
  }
}

function sqliteProbe({ storage }: LoadDatabase): LockProbe {
  const error = { errorType: 'cancelled', code: 'cancelled', message: 'never' } as const
  return async () => {
    const startedAt = performance.now()
    await storage.cancel({
      executionIds: ['there is none'],
      error: { ...error, isRetryable: false, isInternal: false },
    })
    return [performance.now() - startedAt]
  }
}
