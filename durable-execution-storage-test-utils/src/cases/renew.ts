/** `renew` extends leases and never shortens one. */
import { casesOf } from '../case'
import { LEASE_MS, newExecution, OTHER_EXECUTOR } from '../factory'
import { same } from '../lib/same'
import {
  asleep,
  completed,
  named,
  started,
  startedElsewhere,
  takenOver,
  waitingParent,
} from '../scenes'

/** The cases of `renew`. */
export const renewCases = casesOf('renew', [
  {
    name: 'extends a lease from now on, and leaves the claim as it is',
    async run(context) {
      const row = await started(context, 'a')
      context.advance(4000)
      same(await context.renew([row]), ['renewed'], 'outcomes')
      same(
        await context.row('a'),
        { ...row, claimAt: context.now + LEASE_MS, updatedAt: context.now },
        'the renewed row',
      )
    },
  },
  {
    name: 'never shortens a lease',
    async run(context) {
      const row = await started(context, 'a')
      context.advance(1)
      same(await context.renew([row], { leaseMs: 2000 }), ['renewed'], 'outcomes')
      await context.expectRow('a', { claimAt: row.claimAt })
    },
  },
  {
    name: 'renews a lease that lapsed and that nobody took',
    async run(context) {
      const row = await started(context, 'a')
      context.advance(5 * LEASE_MS)
      same(await context.renew([row]), ['renewed'], 'outcomes')
      await context.expectRow('a', { claimAt: context.now + LEASE_MS, takeovers: 0 })
      same((await context.claim({ executorId: OTHER_EXECUTOR })).records, [], 'claimed by another')
    },
  },
  {
    name: 'says lost for a claim that was taken over, and leaves the new claim alone',
    async run(context) {
      const row = await started(context, 'a')
      await takenOver(context, 'a')
      context.advance(1000)
      const outcomes = await context.expectNoChange(() => context.renew([row]))
      same(outcomes, ['lost'], 'outcomes')
    },
  },
  {
    name: 'says lost for a finished, a cancelled, a released and a missing execution',
    async run(context) {
      const rows = [
        await started(context, 'finished'),
        await started(context, 'cancelled'),
        await started(context, 'released'),
        { executionId: 'missing', claimCount: 1 },
      ]
      await completed(context, ['finished'])
      await context.cancel(['cancelled'])
      await context.release([await context.row('released')])
      context.advance(1)
      const outcomes = await context.expectNoChange(() => context.renew(rows))
      same(outcomes, ['lost', 'lost', 'lost', 'lost'], 'outcomes')
    },
  },
  {
    name: 'says lost for an execution that sleeps: nobody holds it',
    async run(context) {
      const row = await asleep(context, 'a', 'key')
      const outcomes = await context.expectNoChange(() => context.renew([row]))
      same(outcomes, ['lost'], 'outcomes')
    },
  },
  {
    name: 'extends the lease of a parent that is being resumed',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const { parents } = await completed(context, ['a'])
      context.advance(4000)
      same(await context.renew(parents), ['renewed'], 'outcomes')
      await context.expectRow('p', {
        status: 'waiting_for_children',
        claimAt: context.now + LEASE_MS,
      })
    },
  },
  {
    name: 'answers one outcome per claim, in the order asked',
    async run(context) {
      const b = await started(context, 'b')
      const a = await started(context, 'a')
      const c = await startedElsewhere(context, 'c')
      const gone = { executionId: 'a', claimCount: 7 }
      same(await context.renew([b, gone]), ['renewed', 'lost'], 'outcomes')
      same(await context.renew([c, a]), ['renewed', 'renewed'], 'outcomes')
    },
  },
  {
    name: 'takes an empty batch',
    async run(context) {
      same(await context.renew([]), [], 'outcomes')
    },
  },
  {
    name: 'takes a thousand claims at once',
    async run(context) {
      const executionIds = Array.from({ length: 1000 }, (_, index) => `e${index}`)
      await context.insert(
        executionIds.map((executionId) => newExecution({ executionId, start: 'claimed' })),
      )
      context.advance(1000)
      const claims = executionIds.map((executionId) => ({ executionId, claimCount: 1 }))
      same(new Set(await context.renew(claims)), new Set(['renewed']), 'outcomes')
      const rows = await context.rows()
      same(new Set(rows.map(({ claimAt }) => claimAt)), new Set([context.now + LEASE_MS]), 'leases')
    },
  },
])
