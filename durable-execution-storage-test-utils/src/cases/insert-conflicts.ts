/** `insert` where an id or a sleeping key is taken already: what a repeat is told, and what is not inserted. */
import { transitions } from 'durable-execution'

import { casesOf } from '../case'
import { childOf, EXECUTOR, newExecution, newSleeper, OTHER_EXECUTOR, START } from '../factory'
import { same } from '../lib/same'
import { asleep, completed, inserted, newSequence, started, takenOver } from '../scenes'
import { kindsOf, outcomesOf } from './outcomes'

/** The cases of `insert` with conflicts. */
export const insertConflictCases = casesOf('insert', [
  {
    name: 'leaves a row alone whose id is inserted again, and answers that row',
    async run(context) {
      const execution = newExecution({ executionId: 'a', input: '"first"' })
      await inserted(context, execution)
      context.advance(10)
      const again = newExecution({ executionId: 'a', taskId: 'other', input: '"second"' })
      const outcomes = await context.expectNoChange(() => context.insert([again]))
      const existing = {
        executionId: 'a',
        taskId: 'task',
        status: 'ready',
        executorId: null,
        claimCount: 0,
      }
      same(
        outcomesOf(outcomes),
        [{ kind: 'exists', conflict: 'execution_id', existing }],
        'outcomes',
      )
    },
  },
  {
    name: 'tells a repeat that the row it claimed is still its own',
    async run(context) {
      const execution = newExecution({ executionId: 'a', start: 'claimed' })
      await inserted(context, execution)
      const outcomes = await context.expectNoChange(() => context.insert([execution]))
      const [outcome] = outcomesOf(outcomes)
      same(
        outcome,
        {
          kind: 'exists',
          conflict: 'execution_id',
          existing: {
            executionId: 'a',
            taskId: 'task',
            status: 'running',
            executorId: EXECUTOR,
            claimCount: 1,
          },
        },
        'outcome',
      )
    },
  },
  {
    name: 'tells a repeat who holds the row that was taken over meanwhile',
    async run(context) {
      const row = await started(context, 'a')
      await takenOver(context, 'a')
      const [outcome] = outcomesOf(await context.insert([{ ...row, start: 'claimed' }]))
      same(
        outcome?.existing,
        {
          executionId: 'a',
          taskId: 'task',
          status: 'running',
          executorId: OTHER_EXECUTOR,
          claimCount: 2,
        },
        'existing row',
      )
    },
  },
  {
    name: 'does not bring a finished execution back to life',
    async run(context) {
      const row = await started(context, 'a')
      await completed(context, ['a'])
      const outcomes = await context.expectNoChange(() =>
        context.insert([{ ...row, start: 'claimed' }]),
      )
      same(outcomesOf(outcomes)[0]?.existing?.status, 'completed', 'status of the existing row')
    },
  },
  {
    name: 'answers one outcome per row, in the order asked',
    async run(context) {
      await context.insert([newExecution({ executionId: 'b' }), newSleeper('k', 'key')])
      const outcomes = await context.insert([
        newExecution({ executionId: 'c' }),
        newExecution({ executionId: 'b' }),
        newSleeper('k2', 'key'),
        newExecution({ executionId: 'a' }),
      ])
      same(
        outcomesOf(outcomes).map(({ kind, conflict }) => conflict ?? kind),
        ['inserted', 'execution_id', 'sleeping_key', 'inserted'],
        'outcomes',
      )
    },
  },
  {
    name: 'inserts the first of two rows with one id',
    async run(context) {
      const outcomes = await context.insert([
        newExecution({ executionId: 'a', input: '"first"' }),
        newExecution({ executionId: 'a', input: '"second"' }),
      ])
      same(kindsOf(outcomes), ['inserted', 'exists'], 'outcomes')
      await context.expectRow('a', { input: '"first"' })
    },
  },
  {
    name: 'refuses a sleeping root whose key is taken, and answers the row that has it',
    async run(context) {
      await asleep(context, 'a', 'key')
      const outcomes = await context.insert([newSleeper('b', 'key', { taskId: 'second' })])
      const existing = {
        executionId: 'a',
        taskId: 'sleeping',
        status: 'running',
        executorId: null,
        claimCount: 0,
      }
      same(
        outcomesOf(outcomes),
        [{ kind: 'exists', conflict: 'sleeping_key', existing }],
        'outcomes',
      )
      same(await context.find('b'), null, 'the refused row')
    },
  },
  {
    name: 'tells a repeated sleeping root by its id that it is there, not that its key is taken',
    async run(context) {
      const sleeper = newSleeper('a', 'key')
      await inserted(context, sleeper)
      const [outcome] = outcomesOf(await context.insert([sleeper]))
      same(outcome?.conflict, 'execution_id', 'conflict')
    },
  },
  {
    name: 'gives a key that two rows of one call want to the first',
    async run(context) {
      const outcomes = await context.insert([newSleeper('b', 'key'), newSleeper('a', 'key')])
      same(kindsOf(outcomes), ['inserted', 'exists'], 'outcomes')
      same(outcomesOf(outcomes)[1]?.existing?.executionId, 'b', 'the row that has the key')
      same(await context.find('a'), null, 'the refused row')
    },
  },
  {
    name: 'frees a sleeping key once its execution has finished or was cancelled',
    async run(context) {
      await asleep(context, 'a', 'key')
      await context.wake('key')
      await asleep(context, 'b', 'key')
      await context.cancel(['b'])
      await asleep(context, 'c', 'key')
      await context.expectRow('a', { sleepingKey: 'key:a' })
      await context.expectRow('b', { sleepingKey: 'key:b' })
      await context.expectRow('c', { sleepingKey: 'key' })
    },
  },
  {
    name: 'adds a sleeping child whose key is taken as failed, and does not count it',
    async run(context) {
      await asleep(context, 'a', 'key')
      const step = { executionId: 's0', sleepingKey: 'key', start: 'asleep' } as const
      same(kindsOf(await context.insert(newSequence('s', step))), ['inserted', 'inserted'], 'kinds')
      await context.expectRow('s0', {
        status: 'failed',
        error: transitions.SLEEPING_KEY_TAKEN,
        sleepingKey: 'key:s0',
        finishedAt: START,
        claimAt: null,
        claimCount: 0,
      })
      await context.expectRow('s', { activeChildrenCount: 0, claimAt: START, executorId: null })
      await context.expectRow('a', { status: 'running', sleepingKey: 'key' })
    },
  },
  {
    name: 'skips a row whose parent in the same call was not inserted',
    async run(context) {
      await inserted(context, newExecution({ executionId: 's' }))
      const outcomes = await context.insert(newSequence('s', { executionId: 's0' }))
      same(kindsOf(outcomes), ['exists', 'skipped'], 'outcomes')
      same(await context.find('s0'), null, 'the orphan')
      await context.expectRow('s', { status: 'ready', activeChildrenCount: 0 })
    },
  },
  {
    name: 'skips the children of skipped rows too, and inserts the rest',
    async run(context) {
      await inserted(context, newExecution({ executionId: 's' }))
      const root = newExecution({ executionId: 's', start: 'waiting' })
      const middle = childOf(root, 0, { executionId: 'm', start: 'waiting' })
      const outcomes = await context.insert([
        root,
        middle,
        childOf(middle, 0, { executionId: 'leaf' }),
        newExecution({ executionId: 'other' }),
      ])
      same(kindsOf(outcomes), ['exists', 'skipped', 'skipped', 'inserted'], 'outcomes')
      same(await context.find('leaf'), null, 'the orphan of the orphan')
    },
  },
  {
    name: 'tells a repeat of a root and its step that both are there',
    async run(context) {
      const rows = newSequence('s', { executionId: 's0', start: 'claimed' })
      await context.insert(rows)
      context.advance(5)
      const outcomes = await context.expectNoChange(() => context.insert(rows))
      same(
        outcomesOf(outcomes).map(({ existing }) => [existing?.executorId, existing?.claimCount]),
        [
          [null, 0],
          [EXECUTOR, 1],
        ],
        'executor and claim count of the existing rows',
      )
    },
  },
])
