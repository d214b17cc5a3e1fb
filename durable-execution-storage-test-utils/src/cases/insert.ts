/** `insert` adds rows in each way an execution can begin, and counts the children it inserts. */
import { casesOf } from '../case'
import { childOf, LEASE_MS, newExecution, newSleeper, START, TIMEOUT_MS } from '../factory'
import { same } from '../lib/same'
import { insertedIds } from '../rows'
import { inserted, newSequence } from '../scenes'

/** The cases of `insert`. */
export const insertCases = casesOf('insert', [
  {
    name: 'adds a ready execution, due at once',
    async run(context) {
      const execution = newExecution({ executionId: 'a', input: '{"n":1}' })
      const { start, ...identity } = execution
      same(start, 'ready', 'the way it starts')
      same(await context.insert([execution]), [{ kind: 'inserted' }], 'outcomes')
      await context.expectRow('a', {
        ...identity,
        status: 'ready',
        runOutput: null,
        output: null,
        error: null,
        attempt: 0,
        takeovers: 0,
        claimCount: 0,
        executorId: null,
        claimAt: START,
        startAt: START,
        startedAt: null,
        finishedAt: null,
        activeChildrenCount: 0,
        createdAt: START,
        updatedAt: START,
      })
    },
  },
  {
    name: 'adds a delayed execution, due when its delay is over',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'a', sleepMsBeforeRun: 2500 }))
      await context.expectRow('a', {
        status: 'ready',
        sleepMsBeforeRun: 2500,
        claimAt: START + 2500,
        startAt: START + 2500,
        createdAt: START,
      })
    },
  },
  {
    name: 'adds an execution that the inserting executor has claimed',
    async run(context) {
      const execution = newExecution({ executionId: 'a', start: 'claimed' })
      await inserted(context, execution, { executorId: 'me', leaseMs: 4321 })
      await context.expectRow('a', {
        status: 'running',
        executorId: 'me',
        claimCount: 1,
        takeovers: 0,
        claimAt: START + 4321,
        startAt: START,
        startedAt: START,
      })
    },
  },
  {
    name: 'adds a sleeping execution that nobody holds, due at its time-out',
    async run(context) {
      await inserted(context, newSleeper('a', 'key'))
      await context.expectRow('a', {
        status: 'running',
        sleepingKey: 'key',
        executorId: null,
        claimCount: 0,
        claimAt: START + TIMEOUT_MS,
        startAt: START,
        startedAt: START,
      })
    },
  },
  {
    name: 'adds a delayed sleeping execution as ready: it holds its key and has not fallen asleep',
    async run(context) {
      await inserted(context, newSleeper('a', 'key', { start: 'ready', sleepMsBeforeRun: 500 }))
      await context.expectRow('a', {
        status: 'ready',
        sleepingKey: 'key',
        claimAt: START + 500,
        startedAt: null,
      })
      const outcomes = await context.insert([newSleeper('b', 'key')])
      same(
        outcomes.map(({ kind }) => kind),
        ['exists'],
        'outcomes of another with the same key',
      )
    },
  },
  {
    name: 'adds a waiting root that counts the step inserted beside it',
    async run(context) {
      const rows = newSequence('s', { executionId: 's0', start: 'claimed' })
      same(await context.insert(rows), [{ kind: 'inserted' }, { kind: 'inserted' }], 'outcomes')
      await context.expectRow('s', {
        status: 'waiting_for_children',
        activeChildrenCount: 1,
        claimAt: null,
        claimCount: 0,
        executorId: null,
        startedAt: null,
        timeoutMs: null,
      })
      await context.expectRow('s0', {
        status: 'running',
        root: { taskId: 'sequence', executionId: 's' },
        parent: { taskId: 'sequence', executionId: 's', indexInParent: 0, isFinalize: false },
      })
    },
  },
  {
    name: 'counts for each waiting execution of a nested sequence its own step only',
    async run(context) {
      const [root, step] = newSequence('s', { executionId: 't', taskId: 'inner', start: 'waiting' })
      if (!root || !step) return
      await context.insert([root, step, childOf(step, 0, { executionId: 't0' })])
      await context.expectRow('s', { activeChildrenCount: 1, claimAt: null })
      await context.expectRow('t', { activeChildrenCount: 1, status: 'waiting_for_children' })
      await context.expectRow('t0', { root: { taskId: 'sequence', executionId: 's' } })
    },
  },
  {
    name: 'counts every active child of a waiting root',
    async run(context) {
      const root = newExecution({ executionId: 'p', start: 'waiting' })
      const children = ['a', 'b', 'c'].map((executionId, index) =>
        childOf(root, index, { executionId }),
      )
      await context.insert([root, ...children])
      await context.expectRow('p', { activeChildrenCount: 3, claimAt: null })
    },
  },
  {
    name: 'makes a waiting root without children due at once',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'p', start: 'waiting' }))
      await context.expectRow('p', { activeChildrenCount: 0, claimAt: START, executorId: null })
    },
  },
  {
    name: 'inserts executions of several queues in one batch',
    async run(context) {
      const rows = ['x', 'y', 'z'].map((queue) => newExecution({ executionId: queue, queue }))
      await context.insert(rows, { executorId: 'me', leaseMs: LEASE_MS })
      same(
        (await context.rows()).map(({ queue }) => queue),
        ['x', 'y', 'z'],
        'queues of the rows',
      )
    },
  },
  {
    name: 'takes an empty batch',
    async run(context) {
      same(await context.insert([]), [], 'outcomes')
      same(await context.insert([], { allOrNothing: true }), [], 'outcomes, all or nothing')
    },
  },
  {
    name: 'takes a thousand executions at once',
    async run(context) {
      const executions = Array.from({ length: 1000 }, (_, index) =>
        newExecution({ executionId: `e${index}`, input: `"${index}"` }),
      )
      const outcomes = await context.insert(executions)
      same(new Set(outcomes.map(({ kind }) => kind)), new Set(['inserted']), 'outcomes')
      same(
        (await context.rows()).map(({ executionId }) => executionId),
        insertedIds(executions).sort(),
        'ids of the rows',
      )
      await context.expectRow('e777', { input: '"777"' })
    },
  },
  {
    name: 'writes no rows but those asked for',
    needs: ['rows'],
    async run(context) {
      await context.insert(newSequence('s', { executionId: 's0' }))
      await context.insert([newSleeper('a', 'key'), newExecution({ executionId: 'b' })])
      await context.insert([newSleeper('c', 'key')])
      same(
        (await context.rows()).map(({ executionId }) => executionId),
        ['a', 'b', 's', 's0'],
        'ids of the rows',
      )
    },
  },
])
