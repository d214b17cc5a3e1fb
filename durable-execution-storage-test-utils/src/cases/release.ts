/** `release` gives claimed rows back, burning no attempt and counting no takeover. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import {
  LEASE_MS,
  newExecution,
  newSleeper,
  OTHER_EXECUTOR,
  storedError,
  TIMEOUT_MS,
} from '../factory'
import { present, same } from '../lib/same'
import { idsOf } from '../rows'
import {
  allStarted,
  asleep,
  completed,
  inserted,
  named,
  started,
  takenOver,
  waitingParent,
} from '../scenes'

/** The cases of `release`. */
export const releaseCases = casesOf('release', [
  {
    name: 'makes a running execution ready, due now, with nothing burned',
    async run(context) {
      const row = await started(context, 'a')
      context.advance(40)
      same(await context.release([row]), ['applied'], 'outcomes')
      same(
        await context.row('a'),
        {
          ...row,
          status: 'ready',
          executorId: null,
          claimAt: context.now,
          startAt: context.now,
          updatedAt: context.now,
        },
        'row',
      )
      const { records } = await context.claim({ executorId: OTHER_EXECUTOR, takeOver: 'never' })
      same(idsOf(records), ['a'], 'claimed by another at once')
    },
  },
  {
    name: 'makes each row due after its own delay',
    async run(context) {
      const a = await started(context, 'a')
      const b = await started(context, 'b')
      const claims = [
        { executionId: 'b', claimCount: b.claimCount, dueInMs: 30 },
        { executionId: 'a', claimCount: a.claimCount, dueInMs: 4000 },
      ]
      const { outcomes } = await context.storage.release({ claims, now: context.now })
      same(outcomes, ['applied', 'applied'], 'outcomes')
      await context.expectRow('a', { claimAt: context.now + 4000, startAt: context.now + 4000 })
      await context.expectRow('b', { claimAt: context.now + 30, startAt: context.now + 30 })
    },
  },
  {
    name: 'keeps the attempt, the takeovers and the error of the attempt before',
    async run(context) {
      const row = await started(context, 'a')
      const retrying = { ...row, retryOptions: { ...row.retryOptions, maxAttempts: 3 } }
      const error = storedError({ isRetryable: true, message: 'the attempt before' })
      const change = transitions.retryOrFail(retrying, error, 0)
      await context.settle([settlementOf(row, change)])
      await context.claim()
      const taken = await takenOver(context, 'a')
      same([taken.attempt, taken.takeovers], [1, 1], 'attempt and takeovers before')
      await context.release([taken])
      await context.expectRow('a', {
        attempt: 1,
        takeovers: 1,
        error,
        claimCount: taken.claimCount,
      })
    },
  },
  {
    name: 'leaves a parent that is being resumed waiting, and makes it due',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const parent = present((await completed(context, ['a'])).parents[0], 'parent')
      context.advance(5)
      same(await context.release([parent], 100), ['applied'], 'outcomes')
      same(
        await context.row('p'),
        {
          ...parent,
          executorId: null,
          claimAt: context.now + 100,
          updatedAt: context.now,
        },
        'row',
      )
    },
  },
  {
    name: 'leaves a sleeping execution that has fallen asleep running, and makes it due',
    async run(context) {
      await asleep(context, 'a', 'key')
      context.advance(TIMEOUT_MS)
      const row = present((await context.claim()).records[0], 'claim at the time-out')
      same(await context.release([row]), ['applied'], 'outcomes')
      await context.expectRow('a', {
        status: 'running',
        sleepingKey: 'key',
        executorId: null,
        claimAt: context.now,
        startedAt: row.startedAt,
        takeovers: 0,
      })
    },
  },
  {
    name: 'makes a delayed sleeping execution ready again that has not fallen asleep',
    async run(context) {
      await inserted(context, newSleeper('a', 'key', { start: 'ready' }))
      const row = present((await context.claim()).records[0], 'claim at its start')
      same(await context.release([row], 10), ['applied'], 'outcomes')
      await context.expectRow('a', {
        status: 'ready',
        sleepingKey: 'key',
        claimAt: context.now + 10,
        startedAt: null,
      })
    },
  },
  {
    name: 'says repeated, and changes nothing, where an earlier call did it already',
    async run(context) {
      const row = await started(context, 'a')
      await context.release([row])
      context.advance(10)
      const outcomes = await context.expectNoChange(() => context.release([row], 500))
      same(outcomes, ['repeated'], 'outcomes')
    },
  },
  {
    name: 'says repeated for a parent and a sleeping execution given back before',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const parent = present((await completed(context, ['a'])).parents[0], 'parent')
      await asleep(context, 'k', 'key')
      context.advance(TIMEOUT_MS)
      await context.renew([parent])
      const sleeper = present((await context.claim()).records[0], 'claim at the time-out')
      await context.release([parent, sleeper])
      context.advance(1)
      const outcomes = await context.expectNoChange(() => context.release([parent, sleeper]))
      same(outcomes, ['repeated', 'repeated'], 'outcomes')
    },
  },
  {
    name: 'says lost for what was taken over, finished, cancelled or is missing',
    async run(context) {
      const rows = await allStarted(context, 'finished', 'cancelled', 'taken')
      await completed(context, ['finished'])
      await context.cancel(['cancelled'])
      await takenOver(context, 'taken')
      const missing = { executionId: 'missing', claimCount: 1 }
      const outcomes = await context.expectNoChange(() => context.release([...rows, missing]))
      same(outcomes, ['lost', 'lost', 'lost', 'lost'], 'outcomes')
    },
  },
  {
    name: 'answers one outcome per claim, in the order asked',
    async run(context) {
      const c = await started(context, 'c')
      const a = await started(context, 'a')
      const b = await started(context, 'b')
      await context.release([b])
      const stale = { executionId: 'a', claimCount: 9 }
      same(await context.release([c, stale]), ['applied', 'lost'], 'outcomes')
      same(await context.release([b, a, c]), ['repeated', 'applied', 'repeated'], 'outcomes')
    },
  },
  {
    name: 'leaves the count of a parent alone whose child is released',
    async run(context) {
      const parent = await waitingParent(context, 'p', named('a'))
      context.advance(5)
      await context.release([await context.row('a')])
      same(await context.row('p'), parent, 'parent')
    },
  },
  {
    name: 'takes an empty batch',
    async run(context) {
      same(await context.release([]), [], 'outcomes')
    },
  },
  {
    name: 'takes a thousand claims at once',
    async run(context) {
      const executionIds = Array.from({ length: 1000 }, (_, index) => `e${index}`)
      await context.insert(
        executionIds.map((executionId) => newExecution({ executionId, start: 'claimed' })),
      )
      context.advance(LEASE_MS)
      const claims = executionIds.map((executionId) => ({ executionId, claimCount: 1 }))
      same(new Set(await context.release(claims)), new Set(['applied']), 'outcomes')
      const { records } = await context.claim({ limit: 2000, takeOver: 'never' })
      same(records.length, 1000, 'number of rows claimed again')
    },
  },
])
