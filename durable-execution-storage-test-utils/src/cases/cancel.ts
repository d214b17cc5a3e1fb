/** `cancel` ends executions with all their active descendants. */
import { casesOf } from '../case'
import {
  CANCELLED,
  LEASE_MS,
  newExecution,
  newSleeper,
  OTHER_EXECUTOR,
  storedError,
} from '../factory'
import { same } from '../lib/same'
import {
  asleep,
  completed,
  completion,
  deepTree,
  inserted,
  named,
  newSequence,
  started,
  underway,
  waitingForFinalize,
  waitingParent,
} from '../scenes'
import { settledAs } from './outcomes'

/** The cases of `cancel` about targets and their descendants. */
export const cancelCases = casesOf('cancel', [
  {
    name: 'ends a ready and a running execution with the error given',
    async run(context) {
      const ready = await inserted(context, newExecution({ executionId: 'a' }))
      const running = await started(context, 'b')
      context.advance(15)
      const error = storedError({ errorType: 'cancelled', code: 'cancelled', message: 'by Ann' })
      same(await context.cancel(['a', 'b'], error), ['cancelled', 'cancelled'], 'outcomes')
      const end = {
        status: 'cancelled',
        error,
        executorId: null,
        claimAt: null,
        finishedAt: context.now,
        updatedAt: context.now,
      }
      same(await context.row('a'), { ...ready, ...end }, 'row a')
      same(await context.row('b'), { ...running, ...end }, 'row b')
    },
  },
  {
    name: 'takes the claim of a running execution away',
    async run(context) {
      const row = await started(context, 'a')
      await context.cancel(['a'])
      same(await context.renew([row]), ['lost'], 'outcome of a renewal')
      same(settledAs(await context.settle([completion(row)])), ['lost'], 'outcome of its result')
      context.advance(2 * LEASE_MS)
      same((await context.claim({ executorId: OTHER_EXECUTOR })).records, [], 'claimed')
    },
  },
  {
    name: 'ends a sleeping execution, which gives up its key, also a delayed one',
    async run(context) {
      await asleep(context, 'a', 'key a')
      await inserted(context, newSleeper('b', 'key b', { start: 'ready', sleepMsBeforeRun: 100 }))
      await context.cancel(['b', 'a'])
      await context.expectRow('a', { status: 'cancelled', sleepingKey: 'key a:a' })
      await context.expectRow('b', { status: 'cancelled', sleepingKey: 'key b:b' })
    },
  },
  {
    name: 'ends a waiting parent with all its children, and keeps what has finished',
    async run(context) {
      await waitingParent(context, 'p', [
        ...named('running', 'done'),
        { executionId: 'ready', start: 'ready', sleepMsBeforeRun: 1000 },
        { executionId: 'asleep', start: 'asleep', sleepingKey: 'key' },
      ])
      await completed(context, ['done'])
      const done = await context.row('done')
      context.advance(5)
      same(await context.cancel(['p']), ['cancelled'], 'outcomes')
      for (const executionId of ['p', 'running', 'ready', 'asleep']) {
        await context.expectRow(executionId, {
          status: 'cancelled',
          error: CANCELLED,
          claimAt: null,
          executorId: null,
          activeChildrenCount: 0,
          finishedAt: context.now,
        })
      }
      same(await context.row('done'), done, 'the finished child')
      await context.expectRow('p', { runOutput: '"run output"', output: null })
      await context.expectRow('asleep', { sleepingKey: 'key:asleep' })
    },
  },
  {
    name: 'ends descendants at every depth',
    async run(context) {
      const executionIds = await deepTree(context, 12)
      same(await context.cancel(['p0']), ['cancelled'], 'outcomes')
      const rows = await context.rows()
      same(
        rows.map(({ status }) => status),
        executionIds.map(() => 'cancelled'),
        'status of all rows',
      )
    },
  },
  {
    name: 'ends the active descendants of a child only, where the child is the target',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await underway(context, await context.row('a'), named('a1', 'a2'))
      await underway(context, await context.row('b'), named('b1'))
      await context.cancel(['a'])
      for (const executionId of ['a', 'a1', 'a2']) {
        await context.expectRow(executionId, { status: 'cancelled' })
      }
      await context.expectRow('b', { status: 'waiting_for_children', activeChildrenCount: 1 })
      await context.expectRow('b1', { status: 'running' })
      await context.expectRow('p', { status: 'waiting_for_children', activeChildrenCount: 1 })
    },
  },
  {
    name: 'ends a parent with its finalize',
    async run(context) {
      await waitingForFinalize(context, 'p', { executionId: 'f' })
      await context.cancel(['p'])
      await context.expectRow('p', { status: 'cancelled' })
      await context.expectRow('f', { status: 'cancelled' })
    },
  },
  {
    name: 'ends a parent that is being resumed',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      const { parents } = await completed(context, ['a'])
      same(await context.cancel(['p']), ['cancelled'], 'outcomes')
      await context.expectRow('p', { status: 'cancelled', executorId: null, claimAt: null })
      same(await context.renew(parents), ['lost'], 'outcome of a renewal')
    },
  },
  {
    name: 'ends a sequence with its present step',
    async run(context) {
      await context.insert(newSequence('s', { executionId: 's0' }))
      await context.cancel(['s'])
      await context.expectRow('s', { status: 'cancelled', activeChildrenCount: 0 })
      await context.expectRow('s0', { status: 'cancelled' })
    },
  },
  {
    name: 'leaves other trees alone',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      await waitingParent(context, 'q', named('b'))
      const before = [await context.row('q'), await context.row('b')]
      context.advance(1)
      await context.cancel(['p'])
      same([await context.row('q'), await context.row('b')], before, 'the other tree')
    },
  },
  {
    name: 'says cancelled for what was cancelled before, and changes nothing',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await context.cancel(['a'])
      context.advance(5)
      const again = storedError({ message: 'again' })
      const outcomes = await context.expectNoChange(() => context.cancel(['a'], again))
      same(outcomes, ['cancelled'], 'outcomes')
    },
  },
  {
    name: 'says finished for what ended otherwise, and leaves it as it is',
    async run(context) {
      await started(context, 'a')
      await completed(context, ['a'])
      await waitingParent(context, 'p', named('c'))
      await context.settle([completion(await context.row('c'))])
      await completed(context, ['p'])
      context.advance(5)
      const outcomes = await context.expectNoChange(() => context.cancel(['a', 'p', 'c']))
      same(outcomes, ['finished', 'finished', 'finished'], 'outcomes')
    },
  },
  {
    name: 'answers one outcome per id, in the order asked',
    async run(context) {
      await started(context, 'b')
      await started(context, 'done')
      await completed(context, ['done'])
      same(
        await context.cancel(['missing', 'b', 'done', 'B', 'b']),
        ['missing', 'cancelled', 'finished', 'missing', 'cancelled'],
        'outcomes',
      )
    },
  },
  {
    name: 'takes an empty batch',
    async run(context) {
      await started(context, 'a')
      same(await context.expectNoChange(() => context.cancel([])), [], 'outcomes')
    },
  },
  {
    name: 'takes a thousand targets at once',
    async run(context) {
      const executionIds = Array.from({ length: 1000 }, (_, index) => `e${index}`)
      await context.insert(executionIds.map((executionId) => newExecution({ executionId })))
      const outcomes = await context.cancel(executionIds)
      same(new Set(outcomes), new Set(['cancelled']), 'outcomes')
      same(outcomes.length, 1000, 'number of outcomes')
      const rows = await context.rows()
      same(new Set(rows.map(({ status }) => status)), new Set(['cancelled']), 'status of all rows')
    },
  },
  {
    name: 'ends a thousand children with their parent',
    async run(context) {
      const names = Array.from({ length: 1000 }, (_, index) => `c${index}`)
      await waitingParent(context, 'p', named(...names))
      await context.cancel(['p'])
      const rows = await context.rows()
      same(new Set(rows.map(({ status }) => status)), new Set(['cancelled']), 'status of all rows')
      same(rows.length, 1001, 'number of rows')
    },
  },
])
