/** `settle` where the claim is lost, or where an earlier call did it already. */
import { DurableExecutionError, settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { CANCELLED, EXECUTOR, newExecution, OTHER_EXECUTOR, START, storedError } from '../factory'
import { holds, present, refused, same } from '../lib/same'
import {
  childrenOf,
  completed,
  completion,
  failure,
  named,
  started,
  takenOver,
  waiting,
  waitingParent,
} from '../scenes'
import { settledAs } from './outcomes'

/** The cases of `settle` about its guards. */
export const settleGuardCases = casesOf('settle', [
  {
    name: 'says repeated, and changes nothing, where an earlier call did it already',
    async run(context) {
      const row = await started(context, 'a')
      const settlement = completion(row)
      await context.settle([settlement])
      context.advance(10)
      const answer = await context.expectNoChange(() => context.settle([settlement]))
      same(
        answer,
        {
          now: context.now,
          outcomes: [{ outcome: 'repeated', claimedInsertions: [] }],
          parents: [],
        },
        'answer of the repeat',
      )
    },
  },
  {
    name: 'says repeated for a retry that nobody has claimed yet, lost once somebody has',
    async run(context) {
      const row = await started(context, 'a')
      const retrying = { ...row, retryOptions: { ...row.retryOptions, maxAttempts: 1 } }
      const change = transitions.retryOrFail(retrying, storedError({ isRetryable: true }), 0)
      const settlement = settlementOf(row, change)
      await context.settle([settlement])
      same(settledAs(await context.settle([settlement])), ['repeated'], 'while it is ready')
      await context.expectRow('a', { attempt: 1 })
      await context.claim({ executorId: OTHER_EXECUTOR })
      const answer = await context.expectNoChange(() => context.settle([settlement]))
      same(settledAs(answer), ['lost'], 'once another runs it')
    },
  },
  {
    name: 'says lost for another end than the one that was stored',
    async run(context) {
      const row = await started(context, 'a')
      await context.settle([completion(row)])
      const answer = await context.expectNoChange(() => context.settle([failure(row)]))
      same(settledAs(answer), ['lost'], 'outcomes')
    },
  },
  {
    name: 'refuses the result of a claim that was taken over, though the status is the same',
    async run(context) {
      const row = await started(context, 'a')
      await takenOver(context, 'a')
      const answer = await context.expectNoChange(() => context.settle([completion(row)]))
      same(settledAs(answer), ['lost'], 'outcomes')
      await context.expectRow('a', { status: 'running', executorId: OTHER_EXECUTOR, output: null })
    },
  },
  {
    name: 'refuses the result of a claim that the same executor has lost and taken again',
    async run(context) {
      const row = await started(context, 'a')
      await takenOver(context, 'a', EXECUTOR)
      const answer = await context.expectNoChange(() => context.settle([completion(row)]))
      same(settledAs(answer), ['lost'], 'outcomes')
    },
  },
  {
    name: 'says lost for a cancelled, a released and a missing execution',
    async run(context) {
      const cancelled = await started(context, 'cancelled')
      const released = await started(context, 'released')
      await context.cancel(['cancelled'])
      await context.release([released])
      const missing = { ...cancelled, executionId: 'missing' }
      const answer = await context.expectNoChange(() =>
        context.settle([completion(cancelled), completion(released), completion(missing)]),
      )
      same(settledAs(answer), ['lost', 'lost', 'lost'], 'outcomes')
      same(await context.find('missing'), null, 'the missing row')
    },
  },
  {
    name: 'says of hundreds of ends, most of them alike, what became of each',
    async run(context) {
      const executionIds = Array.from({ length: 450 }, (_, index) => `e${1000 + index}`)
      await context.insert(
        executionIds.map((executionId) => newExecution({ executionId, start: 'claimed' })),
      )
      const rows = await context.rows()
      const ends = rows.map((row, index) =>
        index % 200 === 120
          ? failure(row)
          : settlementOf(row, transitions.complete(row, `"of ${row.executionId}"`)),
      )
      const first = await context.settle(ends.slice(0, 200))
      same(new Set(settledAs(first)), new Set(['applied']), 'outcomes of the first two hundred')
      await context.cancel(['e1340'])
      context.advance(10)
      const answer = await context.settle(ends)
      const outcomes = executionIds.map((executionId, index) => {
        if (executionId === 'e1340') return 'lost'
        return index < 200 ? 'repeated' : 'applied'
      })
      same(settledAs(answer), outcomes, 'outcomes')
      const after = await context.rows()
      same(
        after.map(({ status }) => status),
        ends.map(({ change }, index) => (outcomes[index] === 'lost' ? 'cancelled' : change.status)),
        'statuses',
      )
      same(
        after.map(({ output }) => output),
        ends.map(({ change }, index) => (outcomes[index] === 'lost' ? null : change.output)),
        'outputs',
      )
      same(
        after.map(({ finishedAt }) => finishedAt),
        outcomes.map((outcome) => (outcome === 'applied' ? context.now : START)),
        'when they finished',
      )
    },
  },
  {
    name: 'takes a cancelled execution for its own cancelled end',
    async run(context) {
      const row = await started(context, 'a')
      await context.cancel(['a'])
      const settlement = settlementOf(row, transitions.fail(row, CANCELLED))
      const answer = await context.expectNoChange(() => context.settle([settlement]))
      same(settledAs(answer), ['repeated'], 'outcomes')
    },
  },
  {
    name: 'says lost where the row is held by this claim and has another status than expected',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const { parents } = await completed(context, ['a'])
      const parent = present(parents[0], 'parent handed over')
      const settlement = completion({ ...parent, status: 'running' })
      const answer = await context.expectNoChange(() => context.settle([settlement]))
      same(settledAs(answer), ['lost'], 'outcomes')
      same(settledAs(await context.settle([completion(parent)])), ['applied'], 'as it is')
    },
  },
  {
    name: 'inserts nothing with a settlement that is lost',
    async run(context) {
      const row = await started(context, 'p')
      await takenOver(context, 'p')
      const settlement = waiting(row, childrenOf(row, named('a', 'b')))
      const { outcomes } = await context.settle([settlement])
      same(outcomes, [{ outcome: 'lost', claimedInsertions: [] }], 'outcomes')
      same([await context.find('a'), await context.find('b')], [null, null], 'the children')
    },
  },
  {
    name: 'brings no count down with a settlement that is lost or repeated',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b', 'c'))
      const first = await context.row('a')
      const second = await context.row('b')
      await context.settle([completion(first)])
      await takenOver(context, 'b')
      const parent = await context.row('p')
      context.advance(1)
      const answer = await context.settle([completion(first), completion(second)])
      same(settledAs(answer), ['repeated', 'lost'], 'outcomes')
      same(await context.row('p'), parent, 'parent')
      same(parent.activeChildrenCount, 2, 'active children')
    },
  },
  {
    name: 'refuses a batch that holds an execution twice, and writes nothing',
    async run(context) {
      const a = await started(context, 'a')
      const b = await started(context, 'b')
      const error = await context.expectNoChange(() =>
        refused(() => context.settle([completion(b), completion(a), failure(a)]), 'the batch'),
      )
      expectPermanent(error)
    },
  },
  {
    name: 'refuses a batch that holds an execution with its child, and writes nothing',
    async run(context) {
      const parent = await waitingParent(context, 'p', named('a'))
      const child = await context.row('a')
      for (const batch of [
        [completion(parent), completion(child)],
        [completion(child), completion(parent)],
      ]) {
        const error = await context.expectNoChange(() =>
          refused(() => context.settle(batch), 'the batch'),
        )
        expectPermanent(error)
      }
    },
  },
])

/** A call that can never succeed must say so: otherwise the executor repeats it for ever. */
function expectPermanent(error: unknown): void {
  holds(
    error instanceof DurableExecutionError && !error.isRetryable,
    `the refusal is a DurableExecutionError that is not retryable, not ${String(error)}`,
  )
}
