/** `insert` with `allOrNothing`: one conflict, and nothing is written. */
import { casesOf } from '../case'
import { newExecution, newSleeper } from '../factory'
import { same } from '../lib/same'
import { asleep, inserted, newSequence } from '../scenes'
import { kindsOf, outcomesOf } from './outcomes'

const allOrNothing = true

/** The cases of `insert`, all or nothing. */
export const insertAllOrNothingCases = casesOf('insert', [
  {
    name: 'inserts all rows of an all-or-nothing call without conflicts',
    async run(context) {
      const rows = [newExecution({ executionId: 'a' }), ...newSequence('s', { executionId: 's0' })]
      const outcomes = await context.insert(rows, { allOrNothing })
      same(kindsOf(outcomes), ['inserted', 'inserted', 'inserted'], 'outcomes')
      await context.expectRow('s', { activeChildrenCount: 1 })
    },
  },
  {
    name: 'inserts nothing of an all-or-nothing call where one id exists',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'b' }))
      const rows = ['a', 'b', 'c'].map((executionId) => newExecution({ executionId }))
      context.advance(1)
      const outcomes = await context.expectNoChange(() => context.insert(rows, { allOrNothing }))
      same(kindsOf(outcomes), ['skipped', 'exists', 'skipped'], 'outcomes')
      same(outcomesOf(outcomes)[1]?.existing?.executionId, 'b', 'existing row')
    },
  },
  {
    name: 'inserts nothing of an all-or-nothing call where one sleeping key is taken',
    async run(context) {
      await asleep(context, 'k', 'key')
      const rows = [newExecution({ executionId: 'a' }), newSleeper('b', 'key')]
      context.advance(1)
      const outcomes = await context.expectNoChange(() => context.insert(rows, { allOrNothing }))
      same(
        outcomesOf(outcomes).map(({ kind, conflict }) => conflict ?? kind),
        ['skipped', 'sleeping_key'],
        'outcomes',
      )
    },
  },
  {
    name: 'inserts nothing of an all-or-nothing call whose own rows want the same sleeping key',
    async run(context) {
      const rows = [newSleeper('a', 'key'), newSleeper('b', 'key')]
      const outcomes = await context.expectNoChange(() => context.insert(rows, { allOrNothing }))
      same(
        outcomesOf(outcomes).map(({ kind, conflict }) => conflict ?? kind),
        ['skipped', 'sleeping_key'],
        'outcomes',
      )
    },
  },
  {
    name: 'tells a repeat of an all-or-nothing call that every row is there',
    async run(context) {
      const rows = ['a', 'b'].map((executionId) => newExecution({ executionId, start: 'claimed' }))
      await context.insert(rows, { allOrNothing })
      const outcomes = await context.expectNoChange(() => context.insert(rows, { allOrNothing }))
      same(kindsOf(outcomes), ['exists', 'exists'], 'outcomes')
      same(outcomesOf(outcomes)[1]?.existing?.claimCount, 1, 'claim count of the existing row')
    },
  },
  {
    name: 'does not take a sleeping child that is added as failed for a conflict',
    async run(context) {
      await asleep(context, 'k', 'key')
      const step = { executionId: 's0', sleepingKey: 'key', start: 'asleep' } as const
      const rows = [newExecution({ executionId: 'a' }), ...newSequence('s', step)]
      const outcomes = await context.insert(rows, { allOrNothing })
      same(kindsOf(outcomes), ['inserted', 'inserted', 'inserted'], 'outcomes')
      await context.expectRow('s0', { status: 'failed' })
    },
  },
])
