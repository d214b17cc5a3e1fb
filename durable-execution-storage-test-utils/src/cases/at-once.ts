/**
 * Calls that are made at once. Where a storage has several connections they meet in the database; what is shown here must hold in
 * whatever order they come through.
 */
import type { SettleAnswer } from 'durable-execution'

import { casesOf } from '../case'
import { CANCELLED, newExecution, newSleeper } from '../factory'
import { holds, same } from '../lib/same'
import { idsOf } from '../rows'
import { childrenOf, completion, failure, named, started, waiting, waitingParent } from '../scenes'
import { kindsOf, settledAs } from './outcomes'

/** `count` names that begin alike. */
function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

const EXECUTORS = names('executor_', 5)

function handedOver(answers: readonly SettleAnswer[]): string[] {
  return answers.flatMap(({ parents }) => idsOf(parents)).sort()
}

/** The cases about calls made at once. */
export const atOnceCases = casesOf('all verbs', [
  {
    name: 'give each due row to one of several claims made at once',
    async run(context) {
      const executionIds = names('e', 200)
      await context.insert(executionIds.map((executionId) => newExecution({ executionId })))
      const answers = await Promise.all(
        EXECUTORS.map((executorId) => context.claim({ executorId, limit: 60 })),
      )
      // What one claim had locked, others may have skipped.
      const rest = await context.claim({ limit: 200 })
      const claimed = [...answers, rest].flatMap(({ records }) => idsOf(records))
      same([...claimed].sort(), [...executionIds].sort(), 'ids of all claimed rows')
    },
  },
  {
    name: 'hand a parent over once whose children are settled at once',
    async run(context) {
      const parentIds = names('p', 5)
      for (const parentId of parentIds) {
        await waitingParent(context, parentId, named(...names(`${parentId} c`, 6)))
      }
      const children = (await context.rows()).filter(({ parent }) => parent !== null)
      const answers = await Promise.all(children.map((row) => context.settle([completion(row)])))
      same(new Set(answers.flatMap(settledAs)), new Set(['applied']), 'outcomes')
      same(handedOver(answers), parentIds, 'parents handed over')
    },
  },
  {
    name: 'settle batches that touch the same parents in opposite orders',
    async run(context) {
      const parentIds = names('p', 8)
      for (const parentId of parentIds) {
        await waitingParent(context, parentId, named(...names(`${parentId} c`, 4)))
      }
      const rows = await context.rows()
      const batches = [0, 1, 2, 3].map((place) => {
        const batch = rows.filter(({ parent }) => parent?.indexInParent === place)
        return (place % 2 === 0 ? batch : batch.reverse()).map((row) => completion(row))
      })
      const answers = await Promise.all(batches.map((batch) => context.settle(batch)))
      same(new Set(answers.flatMap(settledAs)), new Set(['applied']), 'outcomes')
      same(handedOver(answers), parentIds, 'parents handed over')
    },
  },
  {
    name: 'leave no active child under a parent that is cancelled while it inserts children',
    async run(context) {
      const parentIds = names('p', 20)
      const settlements = []
      for (const parentId of parentIds) {
        const row = await started(context, parentId)
        settlements.push(waiting(row, childrenOf(row, named(`${parentId} a`, `${parentId} b`))))
      }
      const [answers] = await Promise.all([
        Promise.all(settlements.map((settlement) => context.settle([settlement]))),
        Promise.all(parentIds.map((parentId) => context.cancel([parentId], CANCELLED))),
      ])
      const applied = answers.flatMap(settledAs).filter((outcome) => outcome === 'applied').length
      const rows = await context.rows()
      same(new Set(rows.map(({ status }) => status)), new Set(['cancelled']), 'status of all rows')
      same(rows.length, parentIds.length + 2 * applied, 'number of rows')
    },
  },
  {
    name: 'bring the count of a parent down once for each child, settled and cancelled at once',
    async run(context) {
      await waitingParent(context, 'p', named(...names('c', 20)))
      const children = (await context.rows()).filter(({ parent }) => parent !== null)
      const [answers] = await Promise.all([
        Promise.all(children.slice(0, 15).map((row) => context.settle([completion(row)]))),
        Promise.all(names('c', 20).map((executionId) => context.cancel([executionId]))),
      ])
      const parent = await context.row('p')
      same(parent.activeChildrenCount, 0, 'active children')
      const wasTaken = handedOver(answers).length === 1
      same(parent.executorId !== null, wasTaken, 'whether an executor holds the parent')
      holds(parent.claimAt !== null, 'the parent is due')
    },
  },
  {
    name: 'insert an id once that several calls want',
    async run(context) {
      for (const executionId of names('e', 5)) {
        const row = newExecution({ executionId, start: 'claimed' })
        const answers = await Promise.all(
          EXECUTORS.map((executorId) => context.insert([row], { executorId })),
        )
        const kinds = answers.flatMap(kindsOf).sort()
        same(kinds, ['exists', 'exists', 'exists', 'exists', 'inserted'], 'outcomes')
      }
    },
  },
  {
    name: 'give a sleeping key to one of several calls that want it',
    async run(context) {
      for (const key of names('key', 5)) {
        const answers = await Promise.all(
          names(`${key} e`, 4).map((executionId) => context.insert([newSleeper(executionId, key)])),
        )
        same(
          answers.flatMap(kindsOf).sort(),
          ['exists', 'exists', 'exists', 'inserted'],
          'outcomes',
        )
      }
      same((await context.rows()).length, 5, 'number of rows')
    },
  },
  {
    name: 'apply one of several ends of the same run',
    async run(context) {
      for (const executionId of names('e', 5)) {
        const row = await started(context, executionId)
        const answers = await Promise.all([
          context.settle([completion(row)]),
          context.settle([failure(row)]),
          context.cancel([executionId]),
        ])
        const [first, second] = answers
        const outcomes = [...settledAs(first), ...settledAs(second)]
        const applied = outcomes.filter((outcome) => outcome === 'applied').length
        const { status } = await context.row(executionId)
        same(applied, status === 'cancelled' ? 0 : 1, `applied settlements of a ${status} one`)
      }
    },
  },
  {
    name: 'wake a sleeping execution once, and hand its parent to one of the callers',
    async run(context) {
      await waitingParent(context, 'p', [{ executionId: 'a', sleepingKey: 'key', start: 'asleep' }])
      const answers = await Promise.all(
        EXECUTORS.map((executorId) => {
          const outcome = { status: 'completed', output: `"${executorId}"` } as const
          return context.wake('key', { executorId, outcome })
        }),
      )
      const { output } = await context.row('a')
      same(new Set(answers.map(({ record }) => record?.output)), new Set([output]), 'outputs')
      const parents = answers.flatMap(({ parent }) => (parent ? [parent.executorId] : []))
      same(parents, [(await context.row('p')).executorId], 'executors that hold the parent')
    },
  },
])
