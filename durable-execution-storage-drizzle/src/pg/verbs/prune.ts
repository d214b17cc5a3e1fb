/** `prune`: deletes whole finished trees, children before their parents. */
import type { PruneAnswer, PruneRequest } from 'durable-execution'

import { number, text } from '../../values'
import { readClock } from '../clock'
import { sortedIds } from '../lists'
import { read, type Program } from '../program'
import type { Statements } from '../statements'

/** A root that finished long ago and has no children. */
const OLD_LEAF = 1
/** A root that finished long ago and has children. */
const OLD_TREE = 2

interface Passed {
  readonly doomed: string[]
  /** Where to go on; `null` at the end. */
  readonly cursor: string | null
}

/**
 * Looks at a page of rows along the primary key and deletes up to `limit` rows of the trees whose roots it meets. While another
 * prunes the same table there is nothing to do.
 */
export function* prune(statements: Statements, request: PruneRequest): Program<PruneAnswer> {
  const [lock] = yield read(statements.pruneLock, [
    `durable-execution prune ${statements.tableName}`,
  ])
  const now = yield* readClock(statements, request.now ?? null)
  if (number(lock?.[0]) === 0) return { prunedCount: 0, cursor: null, now }
  const { doomed, cursor } = yield* walk(statements, request)
  if (doomed.length > 0) yield read(statements.remove, [sortedIds(doomed)])
  return { prunedCount: doomed.length, cursor, now }
}

function* walk(
  statements: Statements,
  { finishedBefore, limit, cursor = '' }: PruneRequest,
): Program<Passed> {
  const page = yield read(statements.page, [finishedBefore, cursor, limit])
  const doomed: string[] = []
  let passed = cursor
  for (const row of page) {
    const executionId = text(row[0])
    const kind = number(row[1])
    if (kind >= OLD_LEAF) {
      const tree = kind === OLD_TREE ? yield* readTree(statements, executionId) : [executionId]
      const chosen = tree.reverse().slice(0, limit - doomed.length)
      for (const chosenId of chosen) doomed.push(chosenId)
      const isGone = chosen.length === tree.length
      if (!isGone) return { doomed, cursor: passed }
      if (doomed.length >= limit) return { doomed, cursor: executionId }
    }
    passed = executionId
  }
  return { doomed, cursor: page.length < limit ? null : passed }
}

/** The ids of a tree, top down. */
function* readTree(statements: Statements, rootId: string): Program<string[]> {
  const rows = yield read(statements.tree, [rootId])
  return rows.map((row) => text(row[0]))
}
