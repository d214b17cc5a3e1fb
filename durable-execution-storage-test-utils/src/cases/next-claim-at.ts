/** `nextClaimAt` says per queue how long until the next row is due. */
import { casesOf } from '../case'
import { LEASE_MS, newExecution, newSleeper, START, TIMEOUT_MS } from '../factory'
import { same } from '../lib/same'
import { completed, inserted, named, started, waitingParent } from '../scenes'

/** The cases of `nextClaimAt`. */
export const nextClaimAtCases = casesOf('nextClaimAt', [
  {
    name: 'answers the earliest moment of each queue, in the order asked',
    async run(context) {
      await context.insert([
        newExecution({ executionId: 'a', queue: 'x', sleepMsBeforeRun: 900 }),
        newExecution({ executionId: 'b', queue: 'x', sleepMsBeforeRun: 300 }),
        newExecution({ executionId: 'c', queue: 'y', sleepMsBeforeRun: 50 }),
        newExecution({ executionId: 'd', queue: 'X', sleepMsBeforeRun: 10 }),
      ])
      context.advance(20)
      const next = await context.expectNoChange(() => context.nextClaimAt(['y', 'none', 'x']))
      same(
        next,
        [
          { queue: 'y', claimAt: START + 50, dueInMs: 30 },
          { queue: 'none', claimAt: null, dueInMs: null },
          { queue: 'x', claimAt: START + 300, dueInMs: 280 },
        ],
        'next',
      )
    },
  },
  {
    name: 'answers 0 for what is due or overdue, with the moment it was due',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'a' }))
      same(
        await context.nextClaimAt(['default']),
        [{ queue: 'default', claimAt: START, dueInMs: 0 }],
        'when due',
      )
      context.advance(5000)
      same(
        await context.nextClaimAt(['default']),
        [{ queue: 'default', claimAt: START, dueInMs: 0 }],
        'when overdue',
      )
    },
  },
  {
    name: 'counts the ends of leases and the time-outs of sleeping executions',
    async run(context) {
      await started(context, 'a', { queue: 'x' })
      await inserted(context, newSleeper('b', 'key', { queue: 'y' }))
      same(
        (await context.nextClaimAt(['x', 'y'])).map(({ dueInMs }) => dueInMs),
        [LEASE_MS, TIMEOUT_MS],
        'dueInMs',
      )
    },
  },
  {
    name: 'leaves out parents that wait for children, and counts those that are due',
    async run(context) {
      await waitingParent(context, 'p', [{ executionId: 'a', queue: 'other' }])
      same((await context.nextClaimAt(['default']))[0]?.claimAt, null, 'while it waits')
      context.advance(7)
      await completed(context, ['a'], { handOver: null })
      same((await context.nextClaimAt(['default']))[0]?.claimAt, context.now, 'when it is due')
    },
  },
  {
    name: 'leaves out finished executions',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      await context.cancel(['p'])
      await started(context, 'b')
      await completed(context, ['b'])
      same(
        await context.nextClaimAt(['default']),
        [{ queue: 'default', claimAt: null, dueInMs: null }],
        'next',
      )
    },
  },
  {
    name: 'takes sixty-four queues at once',
    async run(context) {
      const queues = Array.from({ length: 64 }, (_, index) => `queue ${index}`)
      await context.insert(
        queues.map((queue, index) =>
          newExecution({ executionId: queue, queue, sleepMsBeforeRun: index }),
        ),
      )
      const next = await context.nextClaimAt(queues)
      same(
        next,
        queues.map((queue, index) => ({ queue, claimAt: START + index, dueInMs: index })),
        'next',
      )
    },
  },
  {
    name: 'takes an empty list of queues',
    async run(context) {
      same(await context.nextClaimAt([]), [], 'next')
    },
  },
])
