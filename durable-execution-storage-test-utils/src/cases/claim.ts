/** `claim` takes due rows of one queue. */
import { casesOf } from '../case'
import { claimOf } from '../context'
import { EXECUTOR, LEASE_MS, newExecution, OTHER_EXECUTOR, START } from '../factory'
import { holds, same } from '../lib/same'
import { idsOf } from '../rows'
import { completed, inserted, started } from '../scenes'

/** Executions that become due one after the other, a hundred milliseconds apart; ids against the order. */
function staggered(...executionIds: readonly string[]): ReturnType<typeof newExecution>[] {
  return executionIds.map((executionId, index) =>
    newExecution({ executionId, sleepMsBeforeRun: index * 100 }),
  )
}

/** The cases of `claim`. */
export const claimCases = casesOf('claim', [
  {
    name: 'turns a ready row into a running one with a lease, and answers it',
    async run(context) {
      const before = await inserted(context, newExecution({ executionId: 'a' }))
      context.advance(7)
      const { records } = await context.claim({ executorId: 'me', leaseMs: 5000 })
      const expected = {
        ...before,
        status: 'running',
        executorId: 'me',
        claimCount: 1,
        claimAt: context.now + 5000,
        startedAt: context.now,
        updatedAt: context.now,
      }
      same(records, [expected], 'claimed records')
      same(await context.row('a'), expected, 'row')
    },
  },
  {
    name: 'takes a row at the very millisecond it is due, and not before',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'a', sleepMsBeforeRun: 250 }))
      context.advance(249)
      same(await context.claim(), { now: context.now, records: [], dueFrom: null }, 'too early')
      context.advance(1)
      same(idsOf((await context.claim()).records), ['a'], 'claimed when due')
    },
  },
  {
    name: 'takes those due first, up to the limit',
    async run(context) {
      await context.insert(staggered('d', 'a', 'c', 'b'))
      context.advance(1000)
      same(idsOf((await context.claim({ limit: 2 })).records), ['a', 'd'], 'first claim')
      same(idsOf((await context.claim({ limit: 1 })).records), ['c'], 'second claim')
      same(idsOf((await context.claim({ limit: 5 })).records), ['b'], 'third claim')
    },
  },
  {
    name: 'answers rows in the order in which they were due, lapsed ones among them',
    async run(context) {
      const sleeps = { c: 6000, a: 2000, d: 8000, b: 4000 }
      await context.insert([newExecution({ executionId: 'lapsed' })])
      await context.claim({ executorId: OTHER_EXECUTOR, leaseMs: 5000 })
      await context.insert(
        Object.entries(sleeps).map(([executionId, sleepMsBeforeRun]) =>
          newExecution({ executionId, sleepMsBeforeRun }),
        ),
      )
      context.advance(10_000)
      const { records } = await context.claim({ takeOver: 'also' })
      const claimed = records.map(({ executionId }) => executionId)
      same(claimed, ['a', 'b', 'lapsed', 'c', 'd'], 'claimed, in order')
    },
  },
  {
    name: 'takes rows of the asked queue only',
    async run(context) {
      await context.insert([
        newExecution({ executionId: 'a', queue: 'default' }),
        newExecution({ executionId: 'b', queue: 'Default' }),
        newExecution({ executionId: 'c', queue: 'default ' }),
        newExecution({ executionId: 'd', queue: 'other' }),
      ])
      same(idsOf((await context.claim()).records), ['a'], 'claimed of queue default')
      same(idsOf((await context.claim({ queue: 'other' })).records), ['d'], 'of queue other')
      same((await context.claim({ queue: 'none' })).records, [], 'of a queue without rows')
    },
  },
  {
    name: 'leaves executions of the excepted tasks to others',
    async run(context) {
      await context.insert(
        ['x', 'y', 'z'].map((taskId) => newExecution({ executionId: taskId, taskId })),
      )
      const first = await context.claim({ exceptTaskIds: ['x', 'z', 'unknown'] })
      same(idsOf(first.records), ['y'], 'claimed except tasks x and z')
      const second = await context.claim({ exceptTaskIds: [], executorId: OTHER_EXECUTOR })
      same(idsOf(second.records), ['x', 'z'], 'claimed by one that knows them')
    },
  },
  {
    name: 'fills the limit past rows of excepted tasks that are due before',
    async run(context) {
      await context.insert(
        staggered('a', 'b', 'c').map((row) =>
          newExecution({ ...row, taskId: 'unknown', root: { ...row.root, taskId: 'unknown' } }),
        ),
      )
      await inserted(context, newExecution({ executionId: 'd', sleepMsBeforeRun: 500 }))
      context.advance(1000)
      const { records, dueFrom } = await context.claim({ limit: 1, exceptTaskIds: ['unknown'] })
      same(idsOf(records), ['d'], 'claimed')
      same(dueFrom, START + 500, 'dueFrom, of the rows that were taken')
    },
  },
  {
    name: 'takes a hundred excepted tasks',
    async run(context) {
      const taskIds = Array.from({ length: 101 }, (_, index) => `task_${index}`)
      await context.insert(taskIds.map((taskId) => newExecution({ executionId: taskId, taskId })))
      const { records } = await context.claim({ exceptTaskIds: taskIds.slice(1) })
      same(idsOf(records), ['task_0'], 'claimed')
    },
  },
  {
    name: 'answers as dueFrom the smallest claimAt that the rows had',
    async run(context) {
      await context.insert(staggered('c', 'b', 'a'))
      context.advance(1000)
      const { records, dueFrom } = await context.claim({ limit: 2 })
      same([records.length, dueFrom], [2, START], 'number of rows and dueFrom')
      same((await context.claim()).dueFrom, START + 200, 'dueFrom of the rest')
      same((await context.claim()).dueFrom, null, 'dueFrom of an empty claim')
    },
  },
  {
    name: 'looks for nothing that was due before from',
    async run(context) {
      await context.insert(staggered('a', 'b', 'c'))
      context.advance(1000)
      const { records } = await context.claim({ from: START + 100 })
      same(idsOf(records), ['b', 'c'], 'claimed from the moment b was due')
      same(idsOf((await context.claim()).records), ['a'], 'claimed from the beginning')
    },
  },
  {
    name: 'takes a from between two milliseconds, as executors reckon it',
    async run(context) {
      await context.insert(staggered('a', 'b', 'c'))
      context.advance(1000)
      const { records, dueFrom } = await context.claim({ from: START + 99.75, limit: 1 })
      same([idsOf(records), dueFrom], [['b'], START + 100], 'claimed from just before b was due')
      same(idsOf((await context.claim({ from: START + 100.25 })).records), ['c'], 'from just after')
      same(idsOf((await context.claim({ from: -0.5 })).records), ['a'], 'from the beginning')
    },
  },
  {
    name: 'never takes a row that was taken already, nor a finished one',
    async run(context) {
      await started(context, 'finished')
      await completed(context, ['finished'])
      await inserted(context, newExecution({ executionId: 'a' }))
      same(idsOf((await context.claim()).records), ['a'], 'first claim')
      const second = await context.claim({ executorId: OTHER_EXECUTOR })
      same(second, { now: context.now, records: [], dueFrom: null }, 'second claim')
    },
  },
  {
    name: 'takes ready rows also where it takes nothing over',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'a' }))
      same(idsOf((await context.claim({ takeOver: 'never' })).records), ['a'], 'claimed')
    },
  },
  {
    name: 'takes a released row without counting a takeover',
    async run(context) {
      const row = await started(context, 'a')
      await context.release([claimOf(row)])
      const { records } = await context.claim({ executorId: OTHER_EXECUTOR, takeOver: 'never' })
      same(
        records.map(({ claimCount, takeovers, attempt }) => [claimCount, takeovers, attempt]),
        [[2, 0, 0]],
        'claim count, takeovers and attempt',
      )
    },
  },
  {
    name: 'takes a thousand rows at once, and those left with the next call',
    async run(context) {
      await context.insert(
        Array.from({ length: 1001 }, (_, index) => newExecution({ executionId: `e${index}` })),
      )
      const first = await context.claim({ limit: 1000 })
      const second = await context.claim({ limit: 1000 })
      same([first.records.length, second.records.length], [1000, 1], 'numbers of rows')
      const executionIds = idsOf([...first.records, ...second.records])
      same(new Set(executionIds).size, 1001, 'number of different rows')
      holds(
        first.records.every((record) => record.claimAt === START + LEASE_MS),
        'every row has its lease',
      )
      same(first.records[0]?.executorId, EXECUTOR, 'executor')
    },
  },
])
