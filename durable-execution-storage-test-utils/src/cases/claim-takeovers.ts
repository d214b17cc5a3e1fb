/** `claim` of what others hold by a lapsed lease, and of executions that may kill their process. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { EXECUTOR, LEASE_MS, newExecution, OTHER_EXECUTOR, storedError } from '../factory'
import { present, same } from '../lib/same'
import { idsOf } from '../rows'
import {
  completed,
  inserted,
  named,
  started,
  startedElsewhere,
  suspect,
  takenOver,
  waitingParent,
} from '../scenes'

/** The cases of `claim` about takeovers and suspects. */
export const claimTakeoverCases = casesOf('claim', [
  {
    name: 'leaves a leased row alone until the millisecond its lease ends',
    async run(context) {
      await startedElsewhere(context, 'a')
      context.advance(LEASE_MS - 1)
      same((await context.claim()).records, [], 'claimed before the lease ended')
      context.advance(1)
      same(idsOf((await context.claim()).records), ['a'], 'claimed when the lease ended')
    },
  },
  {
    name: 'counts a takeover and starts a new run with a lapsed row',
    async run(context) {
      const before = await startedElsewhere(context, 'a')
      context.advance(LEASE_MS + 5)
      const { records, dueFrom } = await context.claim()
      const expected = {
        ...before,
        executorId: EXECUTOR,
        claimCount: 2,
        takeovers: 1,
        claimAt: context.now + LEASE_MS,
        startedAt: context.now,
        updatedAt: context.now,
      }
      same(records, [expected], 'claimed records')
      same(dueFrom, before.claimAt, 'dueFrom')
    },
  },
  {
    name: 'takes nothing over unless asked to',
    async run(context) {
      await startedElsewhere(context, 'a')
      context.advance(2 * LEASE_MS)
      same((await context.claim({ takeOver: 'never' })).records, [], 'claimed')
      await context.expectRow('a', { executorId: OTHER_EXECUTOR, claimCount: 1, takeovers: 0 })
    },
  },
  {
    name: 'takes over nothing else when asked for that only, whatever stands in line before it',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'in line' }))
      await startedElsewhere(context, 'lapsed')
      context.advance(2 * LEASE_MS)
      const { records } = await context.claim({ takeOver: 'only', limit: 1 })
      same(
        records.map(({ executionId, takeovers }) => [executionId, takeovers]),
        [['lapsed', 1]],
        'claimed, with its takeovers',
      )
      same((await context.claim({ takeOver: 'only' })).records, [], 'claimed then')
    },
  },
  {
    name: "takes over the caller's own lapsed row as it does those of others",
    async run(context) {
      await started(context, 'a')
      context.advance(LEASE_MS)
      const { records } = await context.claim()
      same(
        records.map(({ executorId, claimCount, takeovers }) => [executorId, claimCount, takeovers]),
        [[EXECUTOR, 2, 1]],
        'executor, claim count and takeovers',
      )
    },
  },
  {
    name: 'leaves a suspect to a claim of suspects',
    async run(context) {
      await started(context, 'a')
      await takenOver(context, 'a')
      context.advance(LEASE_MS)
      same((await context.claim({ suspects: 'exclude' })).records, [], 'claimed without suspects')
      const { records } = await context.claim({ suspects: 'only' })
      same(
        records.map(({ executionId, takeovers }) => [executionId, takeovers]),
        [['a', 2]],
        'claimed suspects',
      )
    },
  },
  {
    name: 'takes one suspect at a time, the one due first',
    async run(context) {
      await started(context, 'b')
      context.advance(10)
      await started(context, 'a')
      context.advance(LEASE_MS - 10)
      await context.claim()
      context.advance(10)
      await context.claim()
      context.advance(LEASE_MS)
      const first = await context.claim({ suspects: 'only', limit: 10 })
      same(idsOf(first.records), ['b'], 'first claim')
      const second = await context.claim({ suspects: 'only', limit: 10 })
      same(idsOf(second.records), ['a'], 'second claim')
    },
  },
  {
    name: 'takes nothing but suspects where only suspects are asked for',
    async run(context) {
      await startedElsewhere(context, 'lapsed')
      context.advance(LEASE_MS)
      await inserted(context, newExecution({ executionId: 'ready' }))
      same((await context.claim({ suspects: 'only' })).records, [], 'claimed suspects')
      same(idsOf((await context.claim()).records), ['lapsed', 'ready'], 'claimed others')
    },
  },
  {
    name: 'keeps a released suspect a suspect',
    async run(context) {
      const row = await suspect(context, 'a')
      same([row.status, row.takeovers], ['ready', 2], 'status and takeovers')
      same((await context.claim({ suspects: 'exclude' })).records, [], 'claimed without suspects')
      const { records } = await context.claim({ suspects: 'only', takeOver: 'never' })
      same(
        records.map(({ executionId, takeovers }) => [executionId, takeovers]),
        [['a', 2]],
        'claimed suspects',
      )
    },
  },
  {
    name: 'does not take over a suspect unless asked to',
    async run(context) {
      await started(context, 'a')
      await takenOver(context, 'a')
      context.advance(LEASE_MS)
      const { records } = await context.claim({ suspects: 'only', takeOver: 'never' })
      same(records, [], 'claimed suspects')
    },
  },
  {
    name: 'no longer suspects an execution whose attempt ended by itself',
    async run(context) {
      await suspect(context, 'a')
      const held = present((await context.claim({ suspects: 'only' })).records[0], 'claimed record')
      const retrying = { ...held, retryOptions: { ...held.retryOptions, maxAttempts: 5 } }
      const change = transitions.retryOrFail(retrying, storedError({ isRetryable: true }), 0)
      await context.settle([settlementOf(held, change)])
      const { records } = await context.claim({ suspects: 'exclude' })
      same(
        records.map(({ attempt, takeovers }) => [attempt, takeovers]),
        [[1, 0]],
        'attempt and takeovers',
      )
    },
  },
  {
    name: 'counts a takeover of a parent whose resumer was lost',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      await completed(context, ['a'])
      context.advance(LEASE_MS)
      same((await context.claim({ takeOver: 'never' })).records, [], 'claimed without takeovers')
      const { records } = await context.claim({ executorId: OTHER_EXECUTOR })
      same(
        records.map(({ executionId, status, takeovers }) => [executionId, status, takeovers]),
        [['p', 'waiting_for_children', 1]],
        'taken over',
      )
    },
  },
])
