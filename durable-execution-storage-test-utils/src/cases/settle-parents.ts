/** `settle` and the parents of what finishes: their counts, and to whom they go when nothing is left to wait for. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { EXECUTOR, LEASE_MS, OTHER_EXECUTOR, storedError } from '../factory'
import { present, same } from '../lib/same'
import { idsOf } from '../rows'
import {
  completed,
  completion,
  failure,
  named,
  newSequence,
  nextStep,
  underway,
  waitingForFinalize,
  waitingParent,
} from '../scenes'
import { settledAs } from './outcomes'

/** The cases of `settle` about parents. */
export const settleParentCases = casesOf('settle', [
  {
    name: 'brings the count of a parent down by one for each child that finishes',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b', 'c', 'd'))
      context.advance(5)
      const { parents } = await completed(context, ['b'])
      same(parents, [], 'parents handed over')
      await context.expectRow('p', {
        activeChildrenCount: 3,
        claimAt: null,
        executorId: null,
        updatedAt: context.now,
      })
      const [a, d] = [await context.row('a'), await context.row('d')]
      same(settledAs(await context.settle([completion(a), failure(d)])).length, 2, 'outcomes')
      await context.expectRow('p', { activeChildrenCount: 1, claimAt: null })
    },
  },
  {
    name: 'hands a parent over, claimed, when its last child finishes',
    async run(context) {
      const before = await waitingParent(context, 'p', named('a', 'b'))
      await completed(context, ['a'])
      context.advance(50)
      const { parents } = await completed(context, ['b'], { leaseMs: 7000 })
      const expected = {
        ...before,
        activeChildrenCount: 0,
        executorId: EXECUTOR,
        claimCount: before.claimCount + 1,
        claimAt: context.now + 7000,
        updatedAt: context.now,
      }
      same(parents, [expected], 'parents handed over')
      same(await context.row('p'), expected, 'row')
    },
  },
  {
    name: 'hands a parent over whose children all finish in one call',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b', 'c'))
      const { parents } = await completed(context, ['c', 'a', 'b'])
      same(idsOf(parents), ['p'], 'parents handed over')
    },
  },
  {
    name: 'hands over several parents in one call, and only those with nothing left',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      await waitingParent(context, 'q', named('b', 'c'))
      await waitingParent(context, 'r', named('d', 'e'))
      const { parents } = await completed(context, ['a', 'b', 'd', 'e'])
      same(idsOf(parents), ['p', 'r'], 'parents handed over')
      await context.expectRow('q', { activeChildrenCount: 1, executorId: null, claimAt: null })
    },
  },
  {
    name: 'makes a parent due now where the caller takes none',
    async run(context) {
      const before = await waitingParent(context, 'p', named('a'))
      context.advance(4)
      const { parents } = await completed(context, ['a'], { handOver: null })
      same(parents, [], 'parents handed over')
      const expected = {
        ...before,
        activeChildrenCount: 0,
        claimAt: context.now,
        updatedAt: context.now,
      }
      same(await context.row('p'), expected, 'row')
    },
  },
  {
    name: "makes a parent due now whose own queue is none of the caller's",
    async run(context) {
      await waitingParent(context, 'p', named('a'), { queue: 'Default' })
      const { parents } = await completed(context, ['a'], {
        handOver: { queues: ['default', 'other'] },
      })
      same(parents, [], 'parents handed over')
      await context.expectRow('p', { executorId: null, claimCount: 1, claimAt: context.now })
      same(idsOf((await context.claim({ queue: 'Default' })).records), ['p'], 'claimed')
    },
  },
  {
    name: 'hands a parent over by its own queue, not by that of its child',
    async run(context) {
      await waitingParent(context, 'p', [{ executionId: 'a', queue: 'of the child' }], {
        queue: 'of the parent',
      })
      const { parents } = await completed(context, ['a'], {
        handOver: { queues: ['default', 'of the parent'] },
      })
      same(idsOf(parents), ['p'], 'parents handed over')
    },
  },
  {
    name: 'hands nothing over where the list of queues is empty',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const { parents } = await completed(context, ['a'], { handOver: { queues: [] } })
      same(parents, [], 'parents handed over')
      await context.expectRow('p', { executorId: null, claimAt: context.now })
    },
  },
  {
    name: 'answers on a repeat the parents that were handed over',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await waitingParent(context, 'q', named('c'))
      const rows = [await context.row('a'), await context.row('b'), await context.row('c')]
      const settlements = rows.map((row) => completion(row))
      const first = await context.settle(settlements)
      context.advance(5)
      const second = await context.expectNoChange(() => context.settle(settlements))
      same(settledAs(second), ['repeated', 'repeated', 'repeated'], 'outcomes')
      same(
        [...second.parents].sort((a, b) => (a.executionId < b.executionId ? -1 : 1)),
        [...first.parents].sort((a, b) => (a.executionId < b.executionId ? -1 : 1)),
        'parents handed over',
      )
      same(idsOf(second.parents), ['p', 'q'], 'ids of the parents')
    },
  },
  {
    name: 'hands a repeat no parent that another holds, that was due, or that went on',
    async run(context) {
      await waitingParent(context, 'held elsewhere', named('a'))
      await waitingParent(context, 'due', named('b'), { queue: 'other' })
      await waitingParent(context, 'went on', named('c'))
      const rows = [await context.row('a'), await context.row('b'), await context.row('c')]
      const settlements = rows.map((row) => completion(row))
      await context.settle(settlements)
      await context.settle([completion(await context.row('went on'))])
      await context.release([await context.row('held elsewhere')])
      await context.claim({ executorId: OTHER_EXECUTOR })
      const answer = await context.expectNoChange(() => context.settle(settlements))
      same(settledAs(answer), ['repeated', 'repeated', 'repeated'], 'outcomes')
      same(answer.parents, [], 'parents handed over')
    },
  },
  {
    name: 'does not count a child that is to be retried as finished',
    async run(context) {
      const parent = await waitingParent(context, 'p', named('a'))
      const row = await context.row('a')
      const retrying = { ...row, retryOptions: { ...row.retryOptions, maxAttempts: 1 } }
      const change = transitions.retryOrFail(retrying, storedError({ isRetryable: true }), 0)
      context.advance(5)
      const { parents } = await context.settle([settlementOf(row, change)])
      same(parents, [], 'parents handed over')
      same(await context.row('p'), parent, 'parent, untouched')
    },
  },
  {
    name: 'writes nothing to a parent whose step finishes and is followed by the next',
    async run(context) {
      await context.insert(newSequence('s', { executionId: 's0', start: 'claimed' }))
      const before = await context.row('s')
      context.advance(5)
      const next = nextStep(before, 1, { executionId: 's1' })
      const { outcomes, parents } = await context.settle([
        completion(await context.row('s0'), [next]),
      ])
      same(outcomes, [{ outcome: 'applied', claimedInsertions: ['s1'] }], 'outcomes')
      same(parents, [], 'parents handed over')
      same(await context.row('s'), before, 'the root of the sequence')
    },
  },
  {
    name: 'inserts no second next step on a repeat, and says who holds the first',
    async run(context) {
      await context.insert(newSequence('s', { executionId: 's0', start: 'claimed' }))
      const next = nextStep(await context.row('s'), 1, { executionId: 's1' })
      const settlement = completion(await context.row('s0'), [next])
      await context.settle([settlement])
      context.advance(5)
      const { outcomes } = await context.expectNoChange(() => context.settle([settlement]))
      same(outcomes, [{ outcome: 'repeated', claimedInsertions: ['s1'] }], 'outcomes')
    },
  },
  {
    name: 'hands over a sequence whose last step finished',
    async run(context) {
      await context.insert(newSequence('s', { executionId: 's0', start: 'claimed' }))
      const { parents } = await completed(context, ['s0'])
      same(
        parents.map(({ executionId, claimCount, status }) => [executionId, claimCount, status]),
        [['s', 1, 'waiting_for_children']],
        'parents handed over',
      )
    },
  },
  {
    name: 'resumes a parent with one more child, and waits again',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const parent = present((await completed(context, ['a'])).parents[0], 'parent')
      const next = nextStep(parent, 1, { executionId: 'b' })
      const settlement = settlementOf(parent, transitions.waitForNextChild(parent), [next])
      const { outcomes, parents } = await context.settle([settlement])
      same(outcomes, [{ outcome: 'applied', claimedInsertions: ['b'] }], 'outcomes')
      same(parents, [], 'parents handed over')
      await context.expectRow('p', {
        status: 'waiting_for_children',
        activeChildrenCount: 1,
        executorId: null,
        claimAt: null,
        runOutput: '"run output"',
      })
      same(idsOf((await completed(context, ['b'])).parents), ['p'], 'handed over again')
    },
  },
  {
    name: 'hands a parent over whose finalize finished',
    async run(context) {
      await waitingForFinalize(context, 'p', { executionId: 'f' })
      const { parents } = await completed(context, ['f'])
      const parent = present(parents[0], 'parent')
      same([parent.executionId, parent.status], ['p', 'waiting_for_finalize'], 'parent')
      await completed(context, ['p'])
      await context.expectRow('p', { status: 'completed', runOutput: '"run output"' })
    },
  },
  {
    name: 'ends a parent that cannot be put together as finalize_failed',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const parent = present((await completed(context, ['a'])).parents[0], 'parent')
      await context.settle([failure(parent)])
      await context.expectRow('p', { status: 'finalize_failed', error: storedError() })
    },
  },
  {
    name: 'tells a grandparent only when the parent itself finishes',
    async run(context) {
      await waitingParent(context, 'g', named('p'))
      await underway(context, await context.row('p'), named('a'))
      const before = await context.row('g')
      context.advance(5)
      same(idsOf((await completed(context, ['a'])).parents), ['p'], 'handed over first')
      same(await context.row('g'), before, 'grandparent')
      same(idsOf((await completed(context, ['p'])).parents), ['g'], 'handed over then')
    },
  },
  {
    name: 'lets another executor take a parent over whose resumer was lost',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const lost = present((await completed(context, ['a'])).parents[0], 'parent')
      context.advance(LEASE_MS)
      const { records } = await context.claim({ executorId: OTHER_EXECUTOR })
      const taken = present(records[0], 'takeover')
      same(settledAs(await context.settle([completion(lost)])), ['lost'], 'of the first')
      same(settledAs(await context.settle([completion(taken)])), ['applied'], 'of the second')
    },
  },
])
