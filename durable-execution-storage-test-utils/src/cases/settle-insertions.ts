/** `settle` and the rows that come into being with it: children, a finalize, the next step. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { childOf, EXECUTOR, finalizeOf, LEASE_MS, OTHER_EXECUTOR, START } from '../factory'
import { present, same } from '../lib/same'
import { idsOf } from '../rows'
import {
  asleep,
  childrenOf,
  completed,
  completion,
  named,
  started,
  takenOver,
  waiting,
  waitingForFinalize,
  waitingParent,
} from '../scenes'
import { settledAs } from './outcomes'

/** The cases of `settle` about insertions. */
export const settleInsertionCases = casesOf('settle', [
  {
    name: 'makes a parent wait for the children it inserts',
    async run(context) {
      const row = await started(context, 'p')
      context.advance(30)
      const children = childrenOf(row, [
        { executionId: 'a', start: 'ready', sleepMsBeforeRun: 100, input: '"for a"' },
        { executionId: 'b', start: 'claimed', queue: 'other' },
      ])
      const answer = await context.settle([waiting(row, children)])
      same(settledAs(answer), ['applied'], 'outcomes')
      same(answer.parents, [], 'parents handed over')
      same(
        await context.row('p'),
        {
          ...row,
          status: 'waiting_for_children',
          runOutput: '"run output"',
          activeChildrenCount: 2,
          executorId: null,
          claimAt: null,
          updatedAt: context.now,
        },
        'parent',
      )
      await context.expectRow('a', {
        status: 'ready',
        input: '"for a"',
        claimAt: context.now + 100,
        parent: { taskId: 'task', executionId: 'p', indexInParent: 0, isFinalize: false },
        root: { taskId: 'task', executionId: 'p' },
        createdAt: context.now,
      })
      await context.expectRow('b', {
        status: 'running',
        queue: 'other',
        executorId: EXECUTOR,
        claimCount: 1,
        claimAt: context.now + LEASE_MS,
      })
    },
  },
  {
    name: 'answers which of the inserted rows the caller holds',
    async run(context) {
      const row = await started(context, 'p')
      const children = childrenOf(row, [
        { executionId: 'a' },
        { executionId: 'b', start: 'ready' },
        { executionId: 'c' },
        { executionId: 'k', sleepingKey: 'key', start: 'asleep' },
      ])
      const { outcomes } = await context.settle([waiting(row, children)])
      same([...(outcomes[0]?.claimedInsertions ?? [])].sort(), ['a', 'c'], 'claimed insertions')
    },
  },
  {
    name: 'answers on a repeat which of the inserted rows the caller still holds',
    async run(context) {
      const row = await started(context, 'p')
      const names = ['held', 'done', 'cancelled', 'released', 'stolen', 'retaken']
      const settlement = waiting(row, childrenOf(row, named(...names)))
      await context.settle([settlement])
      await completed(context, ['done'])
      await context.cancel(['cancelled'])
      await context.release([await context.row('released')])
      await context.renew([await context.row('held')], { leaseMs: 100 * LEASE_MS })
      await context.renew([await context.row('retaken')], { leaseMs: LEASE_MS + 10 })
      await takenOver(context, 'stolen', OTHER_EXECUTOR)
      context.advance(10)
      same(idsOf((await context.claim()).records), ['retaken'], 'claimed by the same executor')
      const answer = await context.expectNoChange(() => context.settle([settlement]))
      same(
        answer.outcomes,
        [{ outcome: 'repeated', claimedInsertions: ['held'] }],
        'outcomes of the repeat',
      )
      same(answer.parents, [], 'parents')
    },
  },
  {
    name: 'inserts nothing twice on a repeat',
    async run(context) {
      const row = await started(context, 'p')
      const settlement = waiting(row, childrenOf(row, named('a', 'b')))
      await context.settle([settlement])
      context.advance(7)
      const { outcomes } = await context.expectNoChange(() => context.settle([settlement]))
      same(outcomes[0]?.outcome, 'repeated', 'outcome')
      same([...(outcomes[0]?.claimedInsertions ?? [])].sort(), ['a', 'b'], 'claimed insertions')
    },
  },
  {
    name: 'counts a finalize as the one active child of its parent',
    async run(context) {
      const row = await waitingForFinalize(context, 'p', { executionId: 'f' })
      same(
        [row.status, row.activeChildrenCount, row.claimAt, row.runOutput],
        ['waiting_for_finalize', 1, null, '"run output"'],
        'status, active children, claimAt and run output',
      )
      await context.expectRow('f', {
        parent: { taskId: 'task', executionId: 'p', indexInParent: 0, isFinalize: true },
        input: null,
      })
    },
  },
  {
    name: 'inserts the finalize of a parent whose first child has the same place',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const parent = present((await completed(context, ['a'])).parents[0], 'parent')
      const change = transitions.waitForFinalize(parent, parent.runOutput)
      const finalize = finalizeOf(parent, { executionId: 'f', start: 'claimed' })
      const { outcomes } = await context.settle([settlementOf(parent, change, [finalize])])
      same(outcomes, [{ outcome: 'applied', claimedInsertions: ['f'] }], 'outcomes')
      await context.expectRow('p', {
        status: 'waiting_for_finalize',
        activeChildrenCount: 1,
        executorId: null,
        claimAt: null,
        claimCount: parent.claimCount,
      })
    },
  },
  {
    name: 'inserts a nested sequence whose root counts its own step',
    async run(context) {
      const row = await started(context, 'p')
      const inner = childOf(row, 0, { executionId: 's', timeoutMs: null, start: 'waiting' })
      const step = childOf(inner, 0, { executionId: 's0', start: 'claimed' })
      const { outcomes } = await context.settle([waiting(row, [inner, step])])
      same(outcomes, [{ outcome: 'applied', claimedInsertions: ['s0'] }], 'outcomes')
      await context.expectRow('p', { activeChildrenCount: 1 })
      await context.expectRow('s', {
        status: 'waiting_for_children',
        activeChildrenCount: 1,
        claimAt: null,
        root: { taskId: 'task', executionId: 'p' },
      })
      await context.expectRow('s0', { root: { taskId: 'task', executionId: 'p' } })
    },
  },
  {
    name: 'hands a parent over at once that waits for no child at all',
    async run(context) {
      const row = await started(context, 'p')
      const { parents } = await context.settle([waiting(row, [])])
      same(idsOf(parents), ['p'], 'parents handed over')
      await context.expectRow('p', { status: 'waiting_for_children', claimCount: 2 })
      const other = await started(context, 'q')
      await context.settle([waiting(other, [])], { handOver: null })
      await context.expectRow('q', { executorId: null, claimCount: 1, claimAt: context.now })
    },
  },
  {
    name: 'inserts the children of several parents in one call, each under its own',
    async run(context) {
      const p = await started(context, 'p')
      const q = await started(context, 'q')
      const { outcomes } = await context.settle([
        waiting(p, childrenOf(p, named('a', 'b'))),
        waiting(q, childrenOf(q, named('c'))),
      ])
      same(
        outcomes.map(({ claimedInsertions }) => [...claimedInsertions].sort()),
        [['a', 'b'], ['c']],
        'claimed insertions',
      )
      await context.expectRow('p', { activeChildrenCount: 2 })
      await context.expectRow('q', { activeChildrenCount: 1 })
    },
  },
  {
    name: 'inserts sleeping children: asleep, due at their time-outs',
    async run(context) {
      await waitingParent(context, 'p', [
        { executionId: 'a', sleepingKey: 'key 1', start: 'asleep', timeoutMs: 800 },
        { executionId: 'b', sleepingKey: 'key 2', start: 'ready', sleepMsBeforeRun: 50 },
      ])
      await context.expectRow('p', { activeChildrenCount: 2 })
      await context.expectRow('a', { status: 'running', executorId: null, claimAt: START + 800 })
      await context.expectRow('b', { status: 'ready', claimAt: START + 50, startedAt: null })
    },
  },
  {
    name: 'inserts a thousand children with one settlement',
    async run(context) {
      const names = Array.from({ length: 1000 }, (_, index) => `c${index}`)
      await waitingParent(context, 'p', named(...names))
      await context.expectRow('p', { activeChildrenCount: 1000 })
      const settlements = (await context.rows())
        .filter(({ parent }) => parent !== null)
        .map((row) => completion(row))
      const { parents } = await context.settle(settlements)
      same(
        parents.map(({ executionId, activeChildrenCount }) => [executionId, activeChildrenCount]),
        [['p', 0]],
        'parents handed over',
      )
    },
  },
  {
    name: 'keeps a sleeping execution with its key where others with other keys come and go',
    async run(context) {
      await asleep(context, 'z', 'key')
      await waitingParent(context, 'p', [
        { executionId: 'a', sleepingKey: 'key 1', start: 'asleep' },
      ])
      await context.wake('key 1')
      await context.expectRow('z', { status: 'running', sleepingKey: 'key' })
      await context.expectRow('a', { status: 'completed', sleepingKey: 'key 1:a' })
    },
  },
])
