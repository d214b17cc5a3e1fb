/** `wake` finishes a sleeping execution from outside. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { LEASE_MS, newExecution, newSleeper, storedError, TIMEOUT_MS } from '../factory'
import { present, same } from '../lib/same'
import { asleep, completion, inserted, started, waitingParent } from '../scenes'
import { settledAs } from './outcomes'

/** The cases of `wake` about the sleeping execution itself. */
export const wakeCases = casesOf('wake', [
  {
    name: 'completes a sleeping execution with its output, and frees its key',
    async run(context) {
      const before = await asleep(context, 'a', 'key')
      context.advance(60)
      const outcome = { status: 'completed', output: '{"n":1}' } as const
      const { record, parent } = await context.wake('key', { outcome })
      const expected = {
        ...before,
        status: 'completed',
        output: '{"n":1}',
        claimAt: null,
        finishedAt: context.now,
        sleepingKey: 'key:a',
        updatedAt: context.now,
      }
      same(record, expected, 'woken record')
      same(parent, null, 'parent')
      same(await context.row('a'), expected, 'row')
    },
  },
  {
    name: 'fails a sleeping execution with an error',
    async run(context) {
      await asleep(context, 'a', 'key')
      const error = storedError({ message: 'rejected by the customer' })
      const { record } = await context.wake('key', { outcome: { status: 'failed', error } })
      same([record?.status, record?.error, record?.output], ['failed', error, null], 'record')
      await context.expectRow('a', { status: 'failed', error, sleepingKey: 'key:a' })
    },
  },
  {
    name: 'completes a sleeping execution without an output',
    async run(context) {
      await asleep(context, 'a', 'key')
      const outcome = { status: 'completed', output: null } as const
      same((await context.wake('key', { outcome })).record?.output, null, 'output')
      await context.expectRow('a', { status: 'completed', output: null })
    },
  },
  {
    name: 'wakes a delayed execution that has not fallen asleep yet',
    async run(context) {
      await inserted(context, newSleeper('a', 'key', { start: 'ready', sleepMsBeforeRun: 5000 }))
      const { record } = await context.wake('key')
      same([record?.status, record?.startedAt], ['completed', null], 'status and start')
      context.advance(5000)
      same((await context.claim()).records, [], 'claimed when its delay is over')
    },
  },
  {
    name: 'wakes a delayed execution while an executor puts it to sleep, whose claim is lost then',
    async run(context) {
      await inserted(context, newSleeper('a', 'key', { start: 'ready' }))
      const row = present((await context.claim()).records[0], 'claim at its start')
      same((await context.wake('key')).record?.status, 'completed', 'status')
      const settlement = settlementOf(row, transitions.fallAsleep(row))
      const answer = await context.expectNoChange(() => context.settle([settlement]))
      same(settledAs(answer), ['lost'], 'outcome of falling asleep')
    },
  },
  {
    name: 'wakes an execution while an executor times it out, whose claim is lost then',
    async run(context) {
      await asleep(context, 'a', 'key')
      context.advance(TIMEOUT_MS)
      const row = present((await context.claim()).records[0], 'claim at the time-out')
      const { record } = await context.wake('key')
      same([record?.status, record?.executorId], ['completed', null], 'status and executor')
      same(await context.renew([row]), ['lost'], 'outcome of a renewal')
      const error = storedError({ errorType: 'timed_out', code: 'timed_out' })
      const settlement = settlementOf(row, transitions.fail(row, error))
      same(settledAs(await context.settle([settlement])), ['lost'], 'outcome of the time-out')
    },
  },
  {
    name: 'answers the finished execution on a repeat, and changes nothing',
    async run(context) {
      await asleep(context, 'a', 'key')
      const first = await context.wake('key')
      context.advance(10)
      const outcome = { status: 'completed', output: '"another"' } as const
      const second = await context.expectNoChange(() => context.wake('key', { outcome }))
      same(second.record, first.record, 'record')
    },
  },
  {
    name: 'answers an execution that ended otherwise, as it ended',
    async run(context) {
      await asleep(context, 'a', 'cancelled')
      await asleep(context, 'b', 'timed out')
      await context.cancel(['a'])
      context.advance(TIMEOUT_MS)
      const row = present((await context.claim()).records[0], 'claim at the time-out')
      const error = storedError({ errorType: 'timed_out', code: 'timed_out' })
      await context.settle([settlementOf(row, transitions.fail(row, error))])
      await context.expectNoChange(async () => {
        same((await context.wake('cancelled')).record?.status, 'cancelled', 'status')
        same((await context.wake('timed out')).record?.status, 'timed_out', 'status')
      })
    },
  },
  {
    name: 'answers the one finished last of several that had the key',
    async run(context) {
      for (const executionId of ['b', 'c', 'a']) {
        await asleep(context, executionId, 'key')
        context.advance(10)
        await context.wake('key')
        context.advance(10)
      }
      same((await context.wake('key')).record?.executionId, 'a', 'id of the record')
    },
  },
  {
    name: 'wakes the active one, whatever has finished with the same key',
    async run(context) {
      await asleep(context, 'z', 'key')
      await context.wake('key')
      await asleep(context, 'a', 'key')
      const { record } = await context.wake('key')
      same([record?.executionId, record?.status], ['a', 'completed'], 'record')
    },
  },
  {
    name: 'finds none for a key that nobody ever had',
    async run(context) {
      await asleep(context, 'a', 'key')
      await started(context, 'b')
      const answer = await context.expectNoChange(() => context.wake('other'))
      same(answer, { now: context.now, record: null, parent: null }, 'answer')
    },
  },
  {
    name: 'tells keys apart that begin alike, differ by case, or look like a pattern',
    async run(context) {
      const keys = ['ab', 'a', 'A', 'a_', 'a%', 'ab-', 'b']
      for (const key of keys) {
        await asleep(context, `of ${key}`, key)
        context.advance(1)
        await context.wake(key)
      }
      for (const key of keys) {
        same((await context.wake(key)).record?.executionId, `of ${key}`, `id found by ${key}`)
      }
      for (const key of ['_b', '%', 'ab_', 'B', '']) {
        same((await context.wake(key)).record, null, `found by ${key}`)
      }
    },
  },
  {
    name: 'leaves executions alone that do not sleep',
    async run(context) {
      const a = await started(context, 'a')
      await inserted(context, newExecution({ executionId: 'key' }))
      await waitingParent(context, 'p', [{ executionId: 'c' }])
      await context.expectNoChange(() => context.wake('key', { leaseMs: LEASE_MS }))
      same(settledAs(await context.settle([completion(a)])), ['applied'], 'outcome')
    },
  },
])
