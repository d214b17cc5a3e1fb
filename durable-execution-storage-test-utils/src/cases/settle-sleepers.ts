/** `settle` where an inserted row wants a sleeping key that is taken, or that the same call frees. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import {
  childOf,
  EXECUTOR,
  LEASE_MS,
  newSleeper,
  OTHER_EXECUTOR,
  START,
  storedError,
  TIMEOUT_MS,
} from '../factory'
import { present, same } from '../lib/same'
import {
  asleep,
  childrenOf,
  completion,
  inserted,
  newSequence,
  nextStep,
  started,
  waiting,
  type ChildParts,
} from '../scenes'
import { settledAs } from './outcomes'

/** A child that sleeps by this key. */
function sleeping(executionId: string, sleepingKey = 'key'): ChildParts {
  return { executionId, sleepingKey, start: 'asleep' }
}

/** The cases of `settle` about sleeping keys. */
export const settleSleeperCases = casesOf('settle', [
  {
    name: 'adds a sleeping child whose key is taken as failed, and counts the others only',
    async run(context) {
      await asleep(context, 'z', 'key')
      const row = await started(context, 'p')
      const children = [sleeping('a'), { executionId: 'b' }, sleeping('c', 'free')]
      const answer = await context.settle([waiting(row, childrenOf(row, children))])
      same(settledAs(answer), ['applied'], 'outcomes')
      same(answer.outcomes[0]?.claimedInsertions, ['b'], 'claimed insertions')
      await context.expectRow('p', { activeChildrenCount: 2, claimAt: null })
      await context.expectRow('a', {
        status: 'failed',
        error: transitions.SLEEPING_KEY_TAKEN,
        sleepingKey: 'key:a',
        finishedAt: START,
        claimAt: null,
        executorId: null,
      })
      await context.expectRow('c', { status: 'running', sleepingKey: 'free' })
    },
  },
  {
    name: 'refuses a delayed sleeping child too whose key is taken',
    async run(context) {
      await inserted(context, newSleeper('z', 'key', { start: 'ready', sleepMsBeforeRun: 900 }))
      const row = await started(context, 'p')
      const children: ChildParts[] = [
        { ...sleeping('a'), start: 'ready', sleepMsBeforeRun: 100 },
        { executionId: 'b' },
      ]
      await context.settle([waiting(row, childrenOf(row, children))])
      await context.expectRow('a', { status: 'failed', sleepingKey: 'key:a', claimAt: null })
      await context.expectRow('p', { activeChildrenCount: 1 })
    },
  },
  {
    name: 'gives a key that two children want to the first of them',
    async run(context) {
      const row = await started(context, 'p')
      await context.settle([waiting(row, childrenOf(row, [sleeping('b'), sleeping('a')]))])
      await context.expectRow('b', { status: 'running', sleepingKey: 'key' })
      await context.expectRow('a', { status: 'failed', sleepingKey: 'key:a' })
      await context.expectRow('p', { activeChildrenCount: 1, claimAt: null })
    },
  },
  {
    name: 'gives a key that two settlements want to the first of them',
    async run(context) {
      const p = await started(context, 'p')
      const q = await started(context, 'q')
      const { parents } = await context.settle([
        waiting(q, childrenOf(q, [sleeping('b')])),
        waiting(p, childrenOf(p, [sleeping('a')])),
      ])
      await context.expectRow('b', { status: 'running', sleepingKey: 'key' })
      await context.expectRow('a', { status: 'failed' })
      same(
        parents.map(({ executionId }) => executionId),
        ['p'],
        'parents handed over',
      )
    },
  },
  {
    name: 'hands a parent over at once whose children are all refused',
    async run(context) {
      await asleep(context, 'z', 'key')
      const row = await started(context, 'p')
      const settlement = waiting(row, childrenOf(row, [sleeping('a'), sleeping('b')]))
      const { outcomes, parents } = await context.settle([settlement])
      same(outcomes, [{ outcome: 'applied', claimedInsertions: [] }], 'outcomes')
      same(parents, [await context.row('p')], 'parents handed over')
      await context.expectRow('p', {
        status: 'waiting_for_children',
        activeChildrenCount: 0,
        executorId: EXECUTOR,
        claimCount: 2,
        takeovers: 0,
        claimAt: START + LEASE_MS,
      })
    },
  },
  {
    name: 'lets recover find a parent handed over at once, where that answer was lost',
    async run(context) {
      await asleep(context, 'z', 'key')
      const row = await started(context, 'p')
      const settlement = waiting(row, childrenOf(row, [sleeping('a')]))
      await context.settle([settlement])
      await context.expectNoChange(() => context.settle([settlement]))
      const found = await context.recover()
      same(found, [await context.row('p')], 'found by recover')
    },
  },
  {
    name: 'makes a parent due now whose children are all refused, where nobody takes it',
    async run(context) {
      await asleep(context, 'z', 'key')
      const row = await started(context, 'p')
      context.advance(3)
      const settlement = waiting(row, childrenOf(row, [sleeping('a')]))
      const { parents } = await context.settle([settlement], { handOver: null })
      same(parents, [], 'parents handed over')
      await context.expectRow('p', { executorId: null, claimCount: 1, claimAt: context.now })
    },
  },
  {
    name: 'makes a nested sequence due now whose first step is refused',
    async run(context) {
      await asleep(context, 'z', 'key')
      const row = await started(context, 'p')
      const inner = childOf(row, 0, { executionId: 's', start: 'waiting', timeoutMs: null })
      await context.settle([waiting(row, [inner, childOf(inner, 0, sleeping('s0'))])])
      await context.expectRow('p', { activeChildrenCount: 1, claimAt: null })
      await context.expectRow('s', { activeChildrenCount: 0, claimAt: START, executorId: null })
    },
  },
  {
    name: 'frees the key of a step for the next step that wants it',
    async run(context) {
      await context.insert(newSequence('s', sleeping('s0')))
      context.advance(TIMEOUT_MS)
      const step = present((await context.claim()).records[0], 'claim at the time-out')
      const next = nextStep(await context.row('s'), 1, sleeping('s1'))
      const error = storedError({ errorType: 'timed_out', code: 'timed_out' })
      const settlement = settlementOf(step, transitions.fail(step, error), [next])
      const { outcomes, parents } = await context.settle([settlement])
      same([outcomes[0]?.outcome, parents], ['applied', []], 'outcome and parents')
      await context.expectRow('s0', { status: 'timed_out', sleepingKey: 'key:s0' })
      await context.expectRow('s1', { status: 'running', sleepingKey: 'key' })
      await context.expectRow('s', { activeChildrenCount: 1 })
    },
  },
  {
    name: 'frees a key for another settlement of the same call, whatever their order',
    async run(context) {
      await asleep(context, 'y', 'first')
      await asleep(context, 'z', 'second')
      context.advance(TIMEOUT_MS)
      await context.claim({ executorId: OTHER_EXECUTOR })
      const p = await started(context, 'p')
      const q = await started(context, 'q')
      await context.settle([
        completion(await context.row('y')),
        waiting(p, childrenOf(p, [sleeping('a', 'first')])),
        waiting(q, childrenOf(q, [sleeping('b', 'second')])),
        completion(await context.row('z')),
      ])
      await context.expectRow('y', { status: 'completed', sleepingKey: 'first:y' })
      await context.expectRow('z', { status: 'completed', sleepingKey: 'second:z' })
      await context.expectRow('a', { status: 'running', sleepingKey: 'first' })
      await context.expectRow('b', { status: 'running', sleepingKey: 'second' })
    },
  },
  {
    name: 'hands over a sequence whose next step is refused',
    async run(context) {
      await asleep(context, 'z', 'key')
      await context.insert(newSequence('s', { executionId: 's0', start: 'claimed' }))
      const next = nextStep(await context.row('s'), 1, sleeping('s1'))
      const settlement = completion(await context.row('s0'), [next])
      const { parents } = await context.settle([settlement])
      same(
        parents.map(({ executionId, claimCount }) => [executionId, claimCount]),
        [['s', 1]],
        'parents handed over',
      )
      await context.expectRow('s1', { status: 'failed' })
    },
  },
])
