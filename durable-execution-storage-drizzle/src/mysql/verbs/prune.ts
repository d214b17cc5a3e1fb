/** `prune`: deletes whole finished trees, children before their parents. */
import type { PruneAnswer, PruneRequest } from 'durable-execution'

import { number, text } from '../../values'
import { readIds, writeByList } from '../lists'
import type { Connection } from '../session'
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
 * Looks at a page of rows along the primary key and deletes up to `limit` rows of the trees whose roots it meets. Nobody writes
 * rows of a finished tree, but another pruner: each counts what it deleted itself.
 */
export async function prune(
  connection: Connection,
  statements: Statements,
  request: PruneRequest,
): Promise<Omit<PruneAnswer, 'now'>> {
  const { doomed, cursor } = await walk(connection, statements, request)
  const prunedCount = await writeByList(connection, statements.remove, [], doomed)
  return { prunedCount, cursor }
}

async function walk(
  connection: Connection,
  statements: Statements,
  { finishedBefore, limit, cursor = '' }: PruneRequest,
): Promise<Passed> {
  const page = await connection.read(statements.page, [finishedBefore, cursor, limit])
  const doomed: string[] = []
  let passed = cursor
  for (const row of page) {
    const executionId = text(row[0])
    const kind = number(row[1])
    if (kind >= OLD_LEAF) {
      const tree =
        kind === OLD_TREE ? await readTree(connection, statements, executionId) : [executionId]
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
async function readTree(
  connection: Connection,
  statements: Statements,
  rootId: string,
): Promise<string[]> {
  const tree: string[] = []
  let level = [rootId]
  while (level.length > 0) {
    for (const executionId of level) tree.push(executionId)
    level = await readIds(connection, statements.childIds, level)
  }
  // A list that was filled up reads no row twice: an index is searched for each value once.
  return [...new Set(tree)]
}
