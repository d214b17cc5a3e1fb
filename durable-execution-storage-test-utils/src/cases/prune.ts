/** `prune` deletes whole finished trees in bounded batches. */
import { casesOf } from '../case'
import type { ConformanceContext } from '../context'
import { newExecution } from '../factory'
import { holds, same } from '../lib/same'
import { idsOf } from '../rows'
import {
  allStarted,
  asleep,
  completed,
  completion,
  named,
  started,
  underway,
  waitingForFinalize,
  waitingParent,
} from '../scenes'
import { kindsOf, settledAs } from './outcomes'

/** More calls than any case needs: a prune that never ends fails instead of hanging. */
const MAX_CALLS = 200

/** Prunes to the end. Answers how many rows each call deleted. */
async function pruneAll(
  context: ConformanceContext,
  parts: Parameters<ConformanceContext['prune']>[0] = {},
): Promise<number[]> {
  const counts: number[] = []
  let cursor: string | undefined
  for (let call = 0; call < MAX_CALLS; call += 1) {
    const answer = await context.prune({ ...parts, cursor })
    counts.push(answer.prunedCount)
    await context.expectInvariants()
    if (answer.cursor === null) return counts
    cursor = answer.cursor
  }
  throw new Error(`prune did not reach the end in ${MAX_CALLS} calls`)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** A parent with two children, the first with one of its own; all finished. */
async function finishedTree(context: ConformanceContext, name: string): Promise<void> {
  await waitingParent(context, name, named(`${name}1`, `${name}2`))
  await underway(context, await context.row(`${name}1`), named(`${name}11`))
  for (const executionId of [`${name}11`, `${name}1`, `${name}2`, name]) {
    await completed(context, [executionId])
  }
}

/** The cases of `prune`. */
export const pruneCases = casesOf('prune', [
  {
    name: 'deletes roots that finished before the moment given, to the millisecond',
    async run(context) {
      await allStarted(context, 'before', 'at', 'after')
      await completed(context, ['before'])
      context.advance(1)
      await completed(context, ['at'])
      const finishedBefore = context.now
      context.advance(1)
      await completed(context, ['after'])
      same(
        await context.prune({ finishedBefore }),
        {
          now: context.now,
          prunedCount: 1,
          cursor: null,
        },
        'answer',
      )
      same(idsOf(await context.rows()), ['after', 'at'], 'rows left')
    },
  },
  {
    name: 'deletes executions whatever they ended as',
    async run(context) {
      await allStarted(context, 'completed', 'cancelled')
      await completed(context, ['completed'])
      await context.cancel(['cancelled'])
      await asleep(context, 'woken', 'key')
      await context.wake('key')
      await waitingForFinalize(context, 'finalized', { executionId: 'f' })
      await completed(context, ['f'])
      await completed(context, ['finalized'])
      context.advance(1)
      same(sum(await pruneAll(context)), 5, 'number of rows deleted')
      same(await context.rows(), [], 'rows left')
    },
  },
  {
    name: 'deletes a tree with all its descendants',
    async run(context) {
      await finishedTree(context, 'p')
      await started(context, 'q')
      context.advance(1)
      same(sum(await pruneAll(context)), 4, 'number of rows deleted')
      same(idsOf(await context.rows()), ['q'], 'rows left')
    },
  },
  {
    name: 'touches nothing under an unfinished root, however long it has been finished',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await underway(context, await context.row('a'), named('a1'))
      await completed(context, ['a1'])
      await completed(context, ['a'])
      context.advance(1_000_000)
      same(sum(await context.expectNoChange(() => pruneAll(context))), 0, 'number of rows deleted')
    },
  },
  {
    name: 'goes by the root: descendants that finished long before wait for it',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      await completed(context, ['a'])
      context.advance(1000)
      const finishedBefore = context.now
      await completed(context, ['p'])
      same(sum(await pruneAll(context, { finishedBefore })), 0, 'number of rows deleted')
      same(idsOf(await context.rows()), ['a', 'p'], 'rows left')
    },
  },
  {
    name: 'leaves ready, running, waiting and sleeping executions alone',
    async run(context) {
      await context.insert([newExecution({ executionId: 'ready' })])
      await started(context, 'running')
      await waitingParent(context, 'waiting', named('child'))
      await asleep(context, 'asleep', 'key')
      context.advance(1_000_000)
      same(sum(await context.expectNoChange(() => pruneAll(context))), 0, 'number of rows deleted')
    },
  },
  {
    name: 'deletes no more rows in a call than the limit says, and goes on from its cursor',
    async run(context) {
      const names = Array.from({ length: 25 }, (_, index) => `e${index}`)
      await allStarted(context, ...names)
      await completed(context, names)
      await started(context, 'e5 running')
      context.advance(1)
      const counts = await pruneAll(context, { limit: 4 })
      holds(
        counts.every((count) => count <= 4),
        `no call deletes more than 4 rows: ${String(counts)}`,
      )
      same(sum(counts), 25, 'number of rows deleted')
      same(idsOf(await context.rows()), ['e5 running'], 'rows left')
    },
  },
  {
    name: 'deletes a tree larger than the limit over several calls, its root last',
    async run(context) {
      const names = Array.from({ length: 20 }, (_, index) => `c${index}`)
      await waitingParent(context, 'p', named(...names))
      await completed(context, names)
      await completed(context, ['p'])
      context.advance(1)
      const first = await context.prune({ limit: 6 })
      holds(first.prunedCount <= 6, `the first call deletes at most 6: ${first.prunedCount}`)
      same((await context.find('p'))?.status, 'completed', 'status of the root after one call')
      const counts = await pruneAll(context, { limit: 6 })
      holds(
        counts.every((count) => count <= 6),
        `no call deletes more than 6: ${String(counts)}`,
      )
      same(sum(counts) + first.prunedCount, 21, 'number of rows deleted')
      same(await context.rows(), [], 'rows left')
    },
  },
  {
    name: 'deletes several trees with a limit that cuts through them',
    async run(context) {
      for (const name of ['p', 'q', 'r']) await finishedTree(context, name)
      context.advance(1)
      const counts = await pruneAll(context, { limit: 3 })
      holds(
        counts.every((count) => count <= 3),
        `no call deletes more than 3: ${String(counts)}`,
      )
      same(sum(counts), 12, 'number of rows deleted')
      same(await context.rows(), [], 'rows left')
    },
  },
  {
    name: 'takes one row at a time where the limit is one',
    async run(context) {
      await finishedTree(context, 'p')
      await started(context, 'q')
      context.advance(1)
      const counts = await pruneAll(context, { limit: 1 })
      holds(
        counts.every((count) => count <= 1),
        `no call deletes more than one: ${String(counts)}`,
      )
      same(sum(counts), 4, 'number of rows deleted')
    },
  },
  {
    name: 'answers that it reached the end where there is nothing to do',
    async run(context) {
      const nothing = { now: context.now, prunedCount: 0, cursor: null }
      same(await context.prune(), nothing, 'answer without rows')
      await started(context, 'a')
      same(await context.prune(), nothing, 'answer without finished rows')
    },
  },
  {
    name: 'finds the same nothing when it is repeated',
    async run(context) {
      await finishedTree(context, 'p')
      context.advance(1)
      await pruneAll(context)
      same(sum(await pruneAll(context)), 0, 'number of rows deleted by the repeat')
    },
  },
  {
    name: 'lets nothing bring a deleted row back: not its result, a wake or a cancel',
    async run(context) {
      const [row] = await allStarted(context, 'a')
      await asleep(context, 'k', 'key')
      await completed(context, ['a'])
      await context.wake('key')
      context.advance(1)
      await pruneAll(context)
      if (!row) return
      same(settledAs(await context.settle([completion(row)])), ['lost'], 'outcome of its result')
      same((await context.wake('key')).record, null, 'found by a wake')
      same(await context.cancel(['a']), ['missing'], 'outcome of a cancel')
      same(await context.renew([row]), ['lost'], 'outcome of a renewal')
      same(await context.release([row]), ['lost'], 'outcome of a release')
      same(await context.rows(), [], 'rows')
      const again = await context.insert([newExecution({ executionId: 'a' })])
      same(kindsOf(again), ['inserted'], 'outcome of inserting the id anew')
    },
  },
])
