/** How much PostgreSQL writes to its log. */
import pg from 'pg'

import type { BenchContext } from '../workload'

/** The bytes of log that are written during some work; `undefined` on other databases. */
export async function walOf(
  { storage, url, system }: BenchContext,
  work: () => Promise<unknown>,
): Promise<number | undefined> {
  if (storage !== 'pg' || system === 'bullmq') {
    await work()
    return undefined
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const position = async () => {
    const { rows } = await client.query<{ bytes: string }>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bytes`,
    )
    return Number(rows[0]?.bytes)
  }
  try {
    const before = await position()
    await work()
    return (await position()) - before
  } finally {
    await client.end()
  }
}
