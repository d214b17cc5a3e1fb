/** Rows that are in the table before a workload begins, written by PostgreSQL itself. */
import pg from 'pg'

import { inputOf } from '../systems/queue'
import { TABLE } from './storages'

/** Rows of one kind. */
export interface Fill {
  /**
   * `ready` rows became due in the order in which they are in the table, 20 a millisecond, as enqueues leave them; `scattered` ones are
   * ready too, and a thousandth of them, from all over the table, became due in each millisecond.
   */
  readonly kind: 'ready' | 'scattered' | 'delayed' | 'finished'
  readonly count: number
  readonly queue?: string
  readonly taskId: string
}

/** Read once: rows are due in the order of their numbers. */
const NOW = `floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint`

/** Delayed rows are due in an hour, finished ones have been so for a minute. */
const TIMES = {
  ready: {
    status: 'ready',
    claimAt: `${NOW} - 1000000 + n / 20`,
    startAt: `${NOW} - 1000000 + n / 20`,
    finishedAt: 'NULL',
  },
  scattered: {
    status: 'ready',
    claimAt: `${NOW} - 1000 + n % 1000`,
    startAt: `${NOW} - 1000 + n % 1000`,
    finishedAt: 'NULL',
  },
  delayed: {
    status: 'ready',
    claimAt: `${NOW} + 3600000 + n`,
    startAt: `${NOW} + 3600000`,
    finishedAt: 'NULL',
  },
  finished: {
    status: 'completed',
    claimAt: 'NULL',
    startAt: `${NOW} - 60000`,
    finishedAt: `${NOW} - 60000`,
  },
} as const

/** Fills the table, and has its statistics taken. */
export async function fillTable(url: string, fills: readonly Fill[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const input = JSON.stringify({ json: inputOf(0) })
  const retryOptions = JSON.stringify({
    maxAttempts: 0,
    baseDelayMs: 0,
    delayMultiplier: 1,
    maxDelayMs: 0,
    jitter: 0,
  })
  try {
    for (const [index, { kind, count, queue = 'default', taskId }] of fills.entries()) {
      const { status, claimAt, startAt, finishedAt } = TIMES[kind]
      const output = kind === 'finished' ? `'{"json":{"ok":true,"n":1}}'` : 'NULL'
      await client.query(
        `INSERT INTO ${TABLE} (execution_id, task_id, queue, status, claim_at, claim_count, attempt, takeovers,
           active_children_count, root_task_id, root_execution_id, sleep_ms_before_run, timeout_ms, retry_options, start_at,
           finished_at, created_at, updated_at, input, output)
         SELECT id, $1, $2, '${status}', ${claimAt}, 0, 0, 0, 0, $1, id, 0, 60000, $3, ${startAt}, ${finishedAt}, ${NOW}, ${NOW}, $4, ${output}
         FROM (SELECT n, 'te_' || lpad((${index} * 100000000 + n)::text, 36, '0') AS id FROM generate_series(1, ${count}) AS n) AS rows`,
        [taskId, queue, retryOptions, input],
      )
    }
    await client.query(`VACUUM ANALYZE ${TABLE}`)
    await client.query('CHECKPOINT')
  } finally {
    await client.end()
  }
}
