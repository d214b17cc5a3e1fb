/**
 * Calls on several connections that meet in the database, many of them, again and again: what `at-once` shows with a few. No call
 * may fail: what gets in each other's way is tried again inside the storage.
 */
import { settlementOf, transitions, type ExecutionRecord, type Settlement } from 'durable-execution'

import { casesOf } from '../case'
import type { ConformanceContext } from '../context'
import { CANCELLED, childOf, EXECUTOR, LEASE_MS, newExecution, newSleeper } from '../factory'
import { SeededRandom } from '../lib/random'
import { holds, same } from '../lib/same'
import { childrenOf, completion, named, underway, waiting, waitingParent } from '../scenes'
import { settledAs } from './outcomes'

const NEEDS = ['parallel connections'] as const
const HAND_OVER = { queues: ['default'] }

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

/** Random parts of at most this size. */
function parts<T>(random: SeededRandom, values: readonly T[], most: number): T[][] {
  const left = random.sample(values, values.length)
  const all: T[][] = []
  while (left.length > 0) all.push(left.splice(0, random.integer(1, most)))
  return all
}

/** Inserts roots that the calling executor runs, and answers their rows. */
async function roots(context: ConformanceContext, ids: readonly string[]) {
  await context.insert(ids.map((executionId) => newExecution({ executionId, start: 'claimed' })))
  const { records } = await context.storage.get({ executionIds: ids })
  return records.filter((record) => record !== null)
}

/** Claims until nothing is left, and answers what it took. */
async function claimAll(
  { storage, now }: ConformanceContext,
  executorId: string,
): Promise<ExecutionRecord[]> {
  const taken: ExecutionRecord[] = []
  // What others have locked at the moment is skipped: an empty answer means little.
  for (let empty = 0; empty < 3;) {
    const { records } = await storage.claim({
      ...{ executorId, leaseMs: LEASE_MS, queue: 'default', limit: 20, now },
      ...{ takeOver: 'also', suspects: 'exclude' },
    })
    taken.push(...records)
    if (records.length === 0) empty += 1
  }
  return taken
}

function idsIn(records: readonly ExecutionRecord[]): string[] {
  return records.map(({ executionId }) => executionId).sort()
}

/** Settles as an executor does: the parents are answered, not read again. */
function settle({ storage, now }: ConformanceContext, settlements: readonly Settlement[]) {
  const by = { executorId: EXECUTOR, leaseMs: LEASE_MS, handOver: HAND_OVER, now }
  return storage.settle({ ...by, settlements })
}

/** Families whose children run, as the settlements that end them. */
async function families(context: ConformanceContext, count: number, size: number) {
  for (const parentId of names('p', count)) {
    await waitingParent(context, parentId, named(...names(`${parentId}_`, size)))
  }
  return (await context.rows()).filter(({ parent }) => parent !== null)
}

/** The cases about many calls on parallel connections. */
export const parallelCases = casesOf('all verbs', [
  {
    name: 'give no row to two of many claimers, on parallel connections',
    needs: NEEDS,
    async run(context) {
      const ids = names('e', 500)
      await context.insert(ids.map((executionId) => newExecution({ executionId })))
      const claimers = names('executor_', 8)
      const answers = await Promise.all(claimers.map((id) => claimAll(context, id)))
      same(idsIn(answers.flat()), [...ids].sort(), 'ids of all claimed rows')
      for (const { claimCount } of await context.rows()) same(claimCount, 1, 'claim count')
    },
  },
  {
    name: 'cancel what claimers take at the same moment, on parallel connections',
    needs: NEEDS,
    async run(context) {
      const random = new SeededRandom(1)
      const ids = names('e', 300)
      await context.insert(ids.map((executionId) => newExecution({ executionId })))
      const doomed = random.sample(ids, 150)
      const [outcomes, ...answers] = await Promise.all([
        Promise.all(parts(random, doomed, 8).map((some) => context.cancel(some, CANCELLED))),
        ...names('executor_', 4).map((id) => claimAll(context, id)),
      ])
      same(new Set(outcomes.flat()), new Set(['cancelled']), 'outcomes of the cancels')
      const claimed = idsIn(answers.flat())
      same(new Set(claimed).size, claimed.length, 'number of claimed rows')
      for (const { executionId, status } of await context.rows()) {
        same(status, doomed.includes(executionId) ? 'cancelled' : 'running', `of ${executionId}`)
      }
    },
  },
  {
    name: 'settle siblings against each other, and each call twice, on parallel connections',
    needs: NEEDS,
    async run(context) {
      const random = new SeededRandom(2)
      const children = await families(context, 12, 8)
      const batches = parts(random, children, 10).map((batch) =>
        batch.map((row) => completion(row)),
      )
      const answers = await Promise.all(
        batches.map((batch) => Promise.all([settle(context, batch), settle(context, batch)])),
      )
      for (const [first, second] of answers) {
        const outcomes = settledAs(first).map((outcome, at) => [outcome, settledAs(second)[at]])
        for (const pair of outcomes) same(pair.sort(), ['applied', 'repeated'], 'outcomes')
      }
      const handedOver = answers.flat().flatMap(({ parents }) => idsIn(parents))
      same([...new Set(handedOver)].sort(), names('p', 12).sort(), 'parents handed over')
      for (const row of await context.rows()) {
        if (row.parent === null) same([row.activeChildrenCount, row.claimCount], [0, 2], 'a parent')
      }
    },
  },
  {
    name: 'leave nothing active under roots cancelled while their trees grow, on parallel connections',
    needs: NEEDS,
    async run(context) {
      const random = new SeededRandom(3)
      for (let round = 0; round < 5; round += 1) {
        const settlements: Settlement[] = []
        const rootIds = names(`r${round}_`, 4)
        for (const rootId of rootIds) settlements.push(...(await growingTree(context, rootId)))
        await Promise.all([
          ...parts(random, settlements, 3).map((batch) => settle(context, batch)),
          ...parts(random, rootIds, 2).map((ids) => context.cancel(ids)),
        ])
      }
      const statuses = new Set((await context.rows()).map(({ finishedAt }) => finishedAt !== null))
      same(statuses, new Set([true]), 'whether the rows have finished')
    },
  },
  {
    name: 'renew what is settled at the same moment, on parallel connections',
    needs: NEEDS,
    async run(context) {
      const random = new SeededRandom(4)
      const rows = await roots(context, names('e', 200))
      const renewals = async (): Promise<void> => {
        for (let turn = 0; turn < 6; turn += 1) await context.renew(rows)
      }
      const [, answers] = await Promise.all([
        renewals(),
        Promise.all(
          parts(random, rows, 12).map((some) =>
            settle(
              context,
              some.map((row) => completion(row)),
            ),
          ),
        ),
      ])
      same(new Set(answers.flatMap(settledAs)), new Set(['applied']), 'outcomes')
      for (const { status } of await context.rows()) same(status, 'completed', 'status')
    },
  },
  {
    name: 'wake or cancel a sleeping execution, on parallel connections',
    needs: NEEDS,
    async run(context) {
      for (const parentId of names('p', 12)) {
        const sleepers = names(`${parentId}_`, 3).map((id) => newSleeper(id, `key ${id}`))
        await waitingParent(context, parentId, sleepers)
      }
      const sleepers = (await context.rows()).filter(({ parent }) => parent !== null)
      const answers = await Promise.all(
        sleepers.map(({ executionId, sleepingKey }) =>
          Promise.all([
            context.storage.wake({
              ...{ sleepingKey: sleepingKey ?? '', executorId: EXECUTOR, leaseMs: LEASE_MS },
              ...{ outcome: { status: 'completed', output: '1' }, handOver: HAND_OVER },
              now: context.now,
            }),
            context.cancel([executionId]),
          ]),
        ),
      )
      for (const [{ record }, [outcome]] of answers) {
        const isWoken = record?.status === 'completed'
        same(outcome, isWoken ? 'finished' : 'cancelled', 'outcome of the cancel')
      }
      for (const row of await context.rows()) {
        if (row.parent === null) holds(row.claimAt !== null, 'each parent is due')
      }
    },
  },
  {
    name: 'prune finished trees beside everything else, on parallel connections',
    needs: NEEDS,
    async run(context) {
      const random = new SeededRandom(5)
      const old = await roots(context, names('old_', 200))
      await settle(
        context,
        old.map((row) => completion(row)),
      )
      context.advance(1000)
      const children = await families(context, 10, 6)
      await context.insert(names('e', 100).map((executionId) => newExecution({ executionId })))
      const pruning = async (): Promise<number> => {
        let count = 0
        let cursor: string | undefined
        for (let turn = 0; turn < 300 && count < 80; turn += 1) {
          const request = { finishedBefore: context.now - 500, limit: 20 }
          const answer = await context.prune({ ...request, cursor })
          count += answer.prunedCount
          // One at a time: a call beside another's has nothing to do, and leaves it to that. Were it to begin anew, the two could
          // take turns for good, and neither would get past the rows that come first.
          if (answer.cursor === null) break
          cursor = answer.cursor
        }
        return count
      }
      const [pruned, others] = await Promise.all([
        pruning(),
        pruning(),
        claimAll(context, 'executor_b'),
        ...parts(random, children, 4).map((some) =>
          settle(
            context,
            some.map((row) => completion(row)),
          ),
        ),
        ...names('p', 3).map((id) => context.cancel([id])),
      ])
      const left = (await context.rows()).filter(({ executionId }) => executionId.startsWith('old'))
      same(left.length, 200 - pruned - others, 'old rows that are left')
      holds(left.length < 200, 'some were pruned')
      same((await context.rows()).length - left.length, 10 * 7 + 100, 'all other rows')
    },
  },
  {
    name: 'insert families once that several calls insert, on parallel connections',
    needs: NEEDS,
    async run(context) {
      const trees = names('r', 30).map((executionId) => {
        const root = newExecution({ executionId, start: 'waiting', timeoutMs: null })
        return [root, ...childrenOf(root, named(...names(`${executionId}_`, 3)))]
      })
      await Promise.all(
        names('executor_', 4).flatMap((executorId) =>
          trees.map((tree) => context.insert(tree, { executorId })),
        ),
      )
      const rows = await context.rows()
      same(rows.length, 30 * 4, 'number of rows')
      // All children of a root belong to the call that inserted the root.
      for (const root of trees.map(([first]) => first?.executionId)) {
        const holders = rows.filter(({ parent }) => parent?.executionId === root)
        same(new Set(holders.map(({ executorId }) => executorId)).size, 1, 'holders of a family')
      }
    },
  },
])

/** A root with two parents below it, and what their running children are about to do. */
async function growingTree(context: ConformanceContext, rootId: string): Promise<Settlement[]> {
  const parentIds = names(`${rootId}_`, 2)
  await waitingParent(context, rootId, named(...parentIds))
  const settlements: Settlement[] = []
  for (const parentId of parentIds) {
    const before = await context.row(parentId)
    const parent = await underway(context, before, named(...names(`${parentId}_`, 3)))
    for (const { executionId } of childrenOf(parent, named(...names(`${parentId}_`, 3)))) {
      settlements.push(growth(parent, await context.row(executionId), settlements.length))
    }
  }
  return settlements
}

/** How a child goes on while its root may be cancelled: with children of its own, or with a step after it. */
function growth(parent: ExecutionRecord, row: ExecutionRecord, index: number): Settlement {
  const { executionId } = row
  if (index % 2 === 0) return waiting(row, childrenOf(row, named(...names(`${executionId}_`, 2))))
  const next = childOf(parent, 10 + index, { executionId: `${executionId}_next`, start: 'claimed' })
  return settlementOf(row, transitions.complete(row, '"output"'), [next])
}
