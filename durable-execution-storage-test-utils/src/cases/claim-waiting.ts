/** `claim` of what is due without being ready: parents to resume, and sleeping executions. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { LEASE_MS, newSleeper, OTHER_EXECUTOR, START, TIMEOUT_MS } from '../factory'
import { present, same } from '../lib/same'
import { idsOf } from '../rows'
import {
  asleep,
  completed,
  inserted,
  named,
  takenOver,
  waitingForFinalize,
  waitingParent,
} from '../scenes'
import { settledAs } from './outcomes'

/** The cases of `claim` about parents and sleeping executions. */
export const claimWaitingCases = casesOf('claim', [
  {
    name: 'leases a parent that has nothing to wait for any more, and keeps its status',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      context.advance(3)
      await completed(context, ['a'], { handOver: null })
      const before = await context.row('p')
      context.advance(2)
      const { records } = await context.claim({ takeOver: 'never', executorId: OTHER_EXECUTOR })
      const expected = {
        ...before,
        executorId: OTHER_EXECUTOR,
        claimCount: before.claimCount + 1,
        claimAt: context.now + LEASE_MS,
        updatedAt: context.now,
      }
      same(records, [expected], 'claimed records')
      same(expected.takeovers, 0, 'takeovers')
    },
  },
  {
    name: 'leaves a parent alone that waits for a child or its finalize',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await waitingForFinalize(context, 'q', { executionId: 'f' })
      await completed(context, ['a'], { handOver: null })
      await context.renew([await context.row('b'), await context.row('f')], {
        leaseMs: 100 * LEASE_MS,
      })
      context.advance(50 * LEASE_MS)
      same((await context.claim()).records, [], 'claimed')
    },
  },
  {
    name: 'leaves a sleeping execution alone until its time-out',
    async run(context) {
      await asleep(context, 'a', 'key')
      context.advance(TIMEOUT_MS - 1)
      same((await context.claim()).records, [], 'claimed before its time-out')
      context.advance(1)
      same(idsOf((await context.claim()).records), ['a'], 'claimed at its time-out')
    },
  },
  {
    name: 'counts no takeover for a sleeping execution at its time-out',
    async run(context) {
      const before = await asleep(context, 'a', 'key')
      context.advance(TIMEOUT_MS)
      const { records } = await context.claim({ takeOver: 'never' })
      const expected = {
        ...before,
        executorId: 'executor_a',
        claimCount: 1,
        takeovers: 0,
        claimAt: context.now + LEASE_MS,
        startedAt: START,
        updatedAt: context.now,
      }
      same(records, [expected], 'claimed records')
    },
  },
  {
    name: 'counts a takeover where the executor that times a sleeping execution out was lost',
    async run(context) {
      await asleep(context, 'a', 'key')
      context.advance(TIMEOUT_MS)
      await context.claim()
      const row = await takenOver(context, 'a')
      same([row.takeovers, row.claimCount, row.startedAt], [1, 2, START], 'takeovers, count, start')
    },
  },
  {
    name: 'takes a delayed sleeping execution at its start, not yet asleep',
    async run(context) {
      await inserted(context, newSleeper('a', 'key', { start: 'ready', sleepMsBeforeRun: 300 }))
      context.advance(299)
      same((await context.claim()).records, [], 'claimed before its delay was over')
      context.advance(1)
      const { records } = await context.claim()
      same(
        records.map(({ status, startedAt, claimCount }) => [status, startedAt, claimCount]),
        [['running', null, 1]],
        'status, start and claim count',
      )
    },
  },
  {
    name: 'takes a delayed sleeping execution again when its time-out after falling asleep is over',
    async run(context) {
      await inserted(context, newSleeper('a', 'key', { start: 'ready', sleepMsBeforeRun: 300 }))
      context.advance(400)
      const claimed = present((await context.claim()).records[0], 'claimed record')
      const settlement = settlementOf(claimed, transitions.fallAsleep(claimed))
      same(settledAs(await context.settle([settlement])), ['applied'], 'falling asleep')
      await context.expectRow('a', {
        status: 'running',
        executorId: null,
        startedAt: context.now,
        claimAt: context.now + TIMEOUT_MS,
        sleepingKey: 'key',
      })
      context.advance(TIMEOUT_MS)
      const { records } = await context.claim()
      same(
        records.map(({ claimCount, takeovers }) => [claimCount, takeovers]),
        [[2, 0]],
        'claim count and takeovers',
      )
    },
  },
])
