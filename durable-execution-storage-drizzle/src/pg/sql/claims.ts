/** Statements that take rows under a claim, and keep them. */
import { transitions, type TakeOver } from 'durable-execution'

import { CLAIMED_NAMES, claimedColumns } from '../claimed-row'
import { CLOCK } from './columns'
import { atPlaces, BY_ID, few } from './lookups'
import { listAt } from './parameter-rows'

/** Which due rows a claim looks at. */
export interface DueFilter {
  readonly suspects: 'exclude' | 'only'
  readonly takeOver: TakeOver
}

const TAKE_OVER: Record<TakeOver, string> = {
  never: ' AND executor_id IS NULL',
  also: '',
  only: ' AND executor_id IS NOT NULL',
}

/** The texts of the claims on a table. */
export function claims(table: string) {
  const texts = new Map<string, string>()
  const held = few('unnest(ARRAY(SELECT execution_id FROM held)) AS u (execution_id)', [
    'execution_id',
  ])
  return {
    /**
     * `transitions.claim` in SQL: the right-hand sides see the row as it was. Without any row it answers the clock alone; where many
     * are expected, nothing: beside the clock PostgreSQL copies each row twice more.
     */
    claim(filter: DueFilter, isMany: boolean): string {
      const key = `${filter.suspects} ${filter.takeOver} ${String(isMany)}`
      const text = texts.get(key) ?? claimText(table, filter, isMany)
      texts.set(key, text)
      return text
    },
    renew: `WITH ${CLOCK}, held AS MATERIALIZED (SELECT r.execution_id FROM unnest(${listAt(2)}, ${listAt(3, 'integer')}) AS c (id, claim_count), LATERAL (SELECT execution_id FROM ${table} WHERE execution_id = c.id AND claim_count = c.claim_count AND executor_id IS NOT NULL OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) AS r), renewed AS (UPDATE ${table} AS t SET claim_at = greatest(coalesce(t.claim_at, 0), clock.now + $4::bigint), updated_at = clock.now FROM clock, ${held} WHERE ${BY_ID} RETURNING t.execution_id) SELECT renewed.execution_id, clock.now FROM clock LEFT JOIN renewed ON true`,
  }
}

/**
 * A moment as the upper bound of the claim index, dear to look at: `+ 0` changes nothing, and is computed once for a scan of the
 * index, but for every row of any other way to the rows. PostgreSQL would else, where it knows nothing of the rows yet or expects
 * few, read and sort all that is due in order to take the first (100,000 rows for 100, right after a bulk insert).
 */
function inOrderOfTheIndex(moment: string): string {
  return `${moment}${' + 0'.repeat(100)}`
}

/**
 * Rows are taken by a list of their places: joined to one by one, or found by their ids again, they take a fifth longer. One that moved
 * before it was locked is left to the next claim. When each was due comes beside one of them, in the order of the places, which is
 * the order of the rows.
 */
function claimText(table: string, { suspects, takeOver }: DueFilter, isMany: boolean): string {
  const comparison = suspects === 'only' ? '>=' : '<'
  const now = '(SELECT now FROM clock)'
  const due = `SELECT ctid AS place, claim_at, execution_id FROM ${table} WHERE queue = $2::text AND claim_at >= $3::bigint AND claim_at <= ${inOrderOfTheIndex(now)} AND task_id <> ALL($4::text[]) AND takeovers + (executor_id IS NOT NULL)::integer ${comparison} ${transitions.SUSPECT_TAKEOVERS}${TAKE_OVER[takeOver]} ORDER BY claim_at LIMIT $5::bigint FOR NO KEY UPDATE SKIP LOCKED`
  const dues =
    "CASE WHEN t.execution_id = (SELECT max(execution_id) FROM due) THEN (SELECT string_agg(claim_at::text, ',' ORDER BY place) FROM due) END"
  const take = `UPDATE ${table} AS t SET status = CASE t.status WHEN 'ready' THEN 'running' ELSE t.status END, takeovers = t.takeovers + (t.executor_id IS NOT NULL)::integer, executor_id = $6::text, claim_count = t.claim_count + 1, claim_at = ${now} + $7::bigint, started_at = CASE WHEN t.sleeping_key IS NULL AND t.status IN ('ready', 'running') THEN ${now} ELSE t.started_at END, updated_at = ${now} WHERE ${atPlaces('t', 'due')} RETURNING ${claimedColumns(now, dues)}`
  const before = `WITH ${CLOCK}, due AS MATERIALIZED (${due})`
  if (isMany) return `${before} ${take}`
  const names = CLAIMED_NAMES.map((name) => `taken.${name}`).join(', ')
  return `${before}, taken AS (${take}) SELECT ${names}, CASE WHEN taken.numbers IS NULL THEN clock.now END FROM clock LEFT JOIN taken ON true`
}
