/** `recover` finds what an executor holds and does not know of, because an answer was lost. */
import { casesOf } from '../case'
import {
  EXECUTOR,
  LEASE_MS,
  newExecution,
  newSleeper,
  OTHER_EXECUTOR,
  TIMEOUT_MS,
} from '../factory'
import { same } from '../lib/same'
import { idsOf } from '../rows'
import {
  completed,
  inserted,
  named,
  newSequence,
  started,
  startedElsewhere,
  waitingParent,
} from '../scenes'

/** The cases of `recover`. */
export const recoverCases = casesOf('recover', [
  {
    name: 'finds rows of a claim whose answer was lost, as that claim answered them',
    async run(context) {
      await context.insert(['a', 'b'].map((executionId) => newExecution({ executionId })))
      const { records } = await context.claim()
      context.advance(10)
      const found = await context.expectNoChange(() => context.recover())
      same(idsOf(found), ['a', 'b'], 'found')
      const first = found.find(({ executionId }) => executionId === 'a')
      same(
        first,
        records.find(({ executionId }) => executionId === 'a'),
        'record',
      )
    },
  },
  {
    name: 'finds rows that an insert or a settle claimed',
    async run(context) {
      await started(context, 'a')
      await context.insert(newSequence('s', { executionId: 's0', start: 'claimed' }))
      await waitingParent(context, 'p', [
        { executionId: 'c1' },
        { executionId: 'c2', start: 'ready' },
        { executionId: 'c3', start: 'asleep', sleepingKey: 'key' },
      ])
      same(idsOf(await context.recover()), ['a', 'c1', 's0'], 'found')
    },
  },
  {
    name: 'finds parents that were handed over',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      await completed(context, ['a'])
      same(await context.recover(), [await context.row('p')], 'found')
    },
  },
  {
    name: 'finds a sleeping execution that was claimed at its time-out',
    async run(context) {
      await inserted(context, newSleeper('a', 'key'))
      same(await context.recover(), [], 'found while it sleeps')
      context.advance(TIMEOUT_MS)
      await context.claim()
      same(idsOf(await context.recover()), ['a'], 'found once claimed')
    },
  },
  {
    name: 'leaves out what the executor knows of',
    async run(context) {
      for (const executionId of ['a', 'b', 'c']) await started(context, executionId)
      same(idsOf(await context.recover({ exceptExecutionIds: ['a', 'c', 'x'] })), ['b'], 'found')
      same(await context.recover({ exceptExecutionIds: ['c', 'b', 'a'] }), [], 'found')
    },
  },
  {
    name: 'finds rows of this very executor only',
    async run(context) {
      await startedElsewhere(context, 'other')
      const names = [EXECUTOR, EXECUTOR.toUpperCase(), `${EXECUTOR} `, `${EXECUTOR}_2`]
      for (const executorId of names) {
        const row = newExecution({ executionId: `of ${executorId}`, start: 'claimed' })
        await inserted(context, row, { executorId })
      }
      same(idsOf(await context.recover()), [`of ${EXECUTOR}`], 'found')
      same(idsOf(await context.recover({ executorId: OTHER_EXECUTOR })), ['other'], 'found')
    },
  },
  {
    name: 'looks through the asked queues only',
    async run(context) {
      for (const queue of ['x', 'y', 'z']) await started(context, queue, { queue })
      same(idsOf(await context.recover({ queues: ['z', 'x'] })), ['x', 'z'], 'found')
      same(await context.recover({ queues: [] }), [], 'found in no queue')
    },
  },
  {
    name: 'finds rows whose lease has lapsed, as long as nobody took them',
    async run(context) {
      await started(context, 'a')
      context.advance(2 * LEASE_MS)
      same(idsOf(await context.recover()), ['a'], 'found')
      await context.claim({ executorId: OTHER_EXECUTOR })
      same(await context.recover(), [], 'found after a takeover')
    },
  },
  {
    name: 'finds leases that end in the asked time only',
    async run(context) {
      await started(context, 'a')
      const { claimAt } = await context.row('a')
      const endsAt = claimAt ?? 0
      same(idsOf(await context.recover({ from: endsAt })), ['a'], 'found from its end on')
      same(await context.recover({ from: endsAt + 1 }), [], 'found from after its end on')
      same(await context.recover({ leaseMs: LEASE_MS - 1 }), [], 'found by a shorter lease')
      context.advance(1)
      same(idsOf(await context.recover({ leaseMs: LEASE_MS - 1 })), ['a'], 'found a moment later')
    },
  },
  {
    name: 'takes a from between two milliseconds, as executors reckon it',
    async run(context) {
      await started(context, 'a')
      const { claimAt } = await context.row('a')
      const endsAt = claimAt ?? 0
      same(idsOf(await context.recover({ from: endsAt - 0.25 })), ['a'], 'found from just before')
      same(await context.recover({ from: endsAt + 0.25 }), [], 'found from just after')
    },
  },
  {
    name: 'finds nothing that was released, finished or cancelled',
    async run(context) {
      await started(context, 'finished')
      await started(context, 'cancelled')
      await started(context, 'released')
      await completed(context, ['finished'])
      await context.cancel(['cancelled'])
      await context.release([await context.row('released')])
      same(await context.recover(), [], 'found')
    },
  },
  {
    name: 'finds a thousand rows, but for five hundred it knows of',
    async run(context) {
      const executionIds = Array.from({ length: 1000 }, (_, index) => `e${index}`)
      await context.insert(
        executionIds.map((executionId) => newExecution({ executionId, start: 'claimed' })),
      )
      const found = await context.recover({ exceptExecutionIds: executionIds.slice(500) })
      same(idsOf(found), executionIds.slice(0, 500).sort(), 'found')
    },
  },
])
