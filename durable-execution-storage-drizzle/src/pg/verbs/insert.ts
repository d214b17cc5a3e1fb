/** `insert`, and the rows that come into being with a settlement. */
import {
  DurableExecutionError,
  type ExecutionRecord,
  type InsertOutcome,
  type InsertRequest,
} from 'durable-execution'

import { NOTHING, planInsert, planNew, standAlone, type ExistingRows } from '../../insertions'
import { toGuard, type Guard } from '../../row'
import { readClock } from '../clock'
import { ConflictError } from '../errors'
import { dueInsertions } from '../hints'
import { readGuards, sortedIds } from '../lists'
import { note, read, type Program } from '../program'
import type { Statements } from '../statements'
import { writeAtOnce, writeRecords, writeUnlessThere } from './changes'

type Executions = Pick<InsertRequest<never>, 'executions' | 'allOrNothing'>

/** What an insert answers. */
export interface Inserted {
  readonly outcomes: readonly InsertOutcome[]
  readonly now: number
}

/** How often an insert looks anew at what others insert at the same moment. */
const MAX_ROUNDS = 5

const SAVEPOINT = {
  begin: 'SAVEPOINT durable_execution_insert',
  release: 'RELEASE SAVEPOINT durable_execution_insert',
  undo: 'ROLLBACK TO SAVEPOINT durable_execution_insert',
} as const

const NONE: ReadonlySet<string> = new Set()

/**
 * Inserts rows in one statement, where none of them is there and no sleeping key is looked for; else it answers `null`.
 *
 * @param how - `insertNew`: for ids that nobody else makes. One that is there is an error.
 */
export function* insertAtOnce(
  statements: Statements,
  how: 'insertNew' | 'insertTogether',
  request: Executions & { readonly executorId: string; readonly leaseMs: number },
  time: number | null,
): Program<Inserted | null> {
  const { executions, executorId, leaseMs } = request
  const plan = planNew(request, { executorId, leaseMs, now: 0 })
  if (plan === null) return null
  const now = yield* writeAtOnce(statements, how, plan.records, time)
  if (now === null) return null
  yield note({ due: dueInsertions(executions) })
  return { outcomes: plan.outcomes, now }
}

/**
 * Inserts rows that stand alone, and reads only what was there already. Where rows depend on one another it reads first; what
 * others inserted since is met without an error, the rows of that try are taken back, and it plans again with what it finds.
 */
export function* insert(
  statements: Statements,
  request: Executions & { readonly executorId: string; readonly leaseMs: number },
  time: number | null,
): Program<Inserted> {
  const { executions, allOrNothing = false } = request
  const isAlone = standAlone(request)
  const at = { executorId: request.executorId, leaseMs: request.leaseMs, now: 0 }
  let existing = isAlone ? NOTHING : yield* readExisting(statements, executions, NONE)
  let now = time
  const mine = new Set<string>()
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (!isAlone) yield read(SAVEPOINT.begin)
    const plan = planInsert(executions, existing, allOrNothing, at)
    const records = plan.records.filter(({ executionId }) => !mine.has(executionId))
    const written = yield* isAlone
      ? writeRecords(statements, records, now)
      : writeUnlessThere(statements, records, now)
    now = written.now ?? now
    const isWhole = written.executionIds.size === records.length
    if (!isAlone) yield read(isWhole ? SAVEPOINT.release : SAVEPOINT.undo)
    if (isWhole) {
      const inserted = executions.filter((_, index) => plan.outcomes[index]?.kind === 'inserted')
      yield note({ due: dueInsertions(inserted) })
      return { outcomes: plan.outcomes, now: yield* readClock(statements, now) }
    }
    if (isAlone) for (const executionId of written.executionIds) mine.add(executionId)
    existing = yield* readExisting(statements, executions, mine)
  }
  throw DurableExecutionError.retryable(
    'Others insert and remove the same executions at this moment: insert again',
    { code: 'storage' },
  )
}

function* readExisting(
  statements: Statements,
  executions: Executions['executions'],
  mine: ReadonlySet<string>,
): Program<ExistingRows> {
  const others = executions.filter(({ executionId }) => !mine.has(executionId))
  const byExecutionId = yield* readGuards(
    statements.guards,
    others.map(({ executionId }) => executionId),
  )
  const sleepers = yield* readSleepers(statements, others)
  const ofOthers = [...sleepers].filter(([, { executionId }]) => !mine.has(executionId))
  return { byExecutionId, bySleepingKey: new Map(ofOthers) }
}

/** The active executions that hold the sleeping keys of these, by key. */
export function* readSleepers(
  statements: Statements,
  executions: readonly { readonly sleepingKey: string | null }[],
): Program<Map<string, Guard>> {
  const keys = sortedIds(executions.flatMap(({ sleepingKey }) => sleepingKey ?? []))
  const rows = keys.length === 0 ? [] : yield read(statements.sleepers, [keys])
  const sleepers = Array.from(rows, toGuard)
  return new Map(sleepers.map((sleeper) => [sleeper.sleepingKey ?? '', sleeper]))
}

/** Inserts records under locks that forbid duplicates; a sleeping key may be taken at this moment: the call is made anew. */
export function* insertRecords(
  statements: Statements,
  records: readonly ExecutionRecord[],
  now: number,
): Program<void> {
  const { executionIds } = yield* writeRecords(statements, records, now)
  if (executionIds.size < records.length) {
    throw new ConflictError(
      'Another call inserted the same execution or took the same sleeping key',
    )
  }
}
