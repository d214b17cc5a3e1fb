/** `wake` and the parent of what is woken: handed over as `settle` does. */
import { casesOf } from '../case'
import { EXECUTOR, OTHER_EXECUTOR } from '../factory'
import { present, same } from '../lib/same'
import { idsOf } from '../rows'
import {
  completed,
  completion,
  newSequence,
  underway,
  waitingParent,
  type ChildParts,
} from '../scenes'

const SLEEPING_CHILD: ChildParts = { executionId: 'a', sleepingKey: 'key', start: 'asleep' }

/** The cases of `wake` about parents. */
export const wakeParentCases = casesOf('wake', [
  {
    name: 'hands the parent over, claimed, whose last child is woken',
    async run(context) {
      const before = await waitingParent(context, 'p', [SLEEPING_CHILD])
      context.advance(60)
      const { record, parent } = await context.wake('key', { leaseMs: 3000 })
      same(record?.status, 'completed', 'status of the woken one')
      const expected = {
        ...before,
        activeChildrenCount: 0,
        executorId: EXECUTOR,
        claimCount: before.claimCount + 1,
        claimAt: context.now + 3000,
        updatedAt: context.now,
      }
      same(parent, expected, 'parent handed over')
      same(await context.row('p'), expected, 'row of the parent')
    },
  },
  {
    name: 'brings the count of a parent down that waits for others still',
    async run(context) {
      await waitingParent(context, 'p', [SLEEPING_CHILD, { executionId: 'b' }])
      context.advance(5)
      same((await context.wake('key')).parent, null, 'parent handed over')
      await context.expectRow('p', {
        activeChildrenCount: 1,
        claimAt: null,
        updatedAt: context.now,
      })
      same(idsOf((await completed(context, ['b'])).parents), ['p'], 'handed over by the last')
    },
  },
  {
    name: 'makes the parent due now where the caller takes none, or none of its queue',
    async run(context) {
      await waitingParent(context, 'p', [SLEEPING_CHILD])
      await waitingParent(context, 'q', [{ ...SLEEPING_CHILD, executionId: 'b', sleepingKey: 'k' }])
      context.advance(5)
      same((await context.wake('key', { handOver: null })).parent, null, 'parent p')
      const handOver = { queues: ['other'] }
      same((await context.wake('k', { handOver })).parent, null, 'parent q')
      await context.expectRow('p', { executorId: null, claimAt: context.now, claimCount: 1 })
      await context.expectRow('q', { executorId: null, claimAt: context.now, claimCount: 1 })
    },
  },
  {
    name: 'hands over a sequence whose sleeping step is woken',
    async run(context) {
      await context.insert(newSequence('s', SLEEPING_CHILD))
      const { parent } = await context.wake('key')
      same([parent?.executionId, parent?.claimCount], ['s', 1], 'parent')
    },
  },
  {
    name: 'answers on a repeat the parent that was handed over',
    async run(context) {
      await waitingParent(context, 'p', [SLEEPING_CHILD])
      const first = await context.wake('key')
      context.advance(5)
      const second = await context.expectNoChange(() => context.wake('key'))
      same(second.parent, first.parent, 'parent')
      same(second.record, first.record, 'record')
    },
  },
  {
    name: 'hands a repeat no parent that another holds, that was due, or that went on',
    async run(context) {
      await waitingParent(context, 'p', [SLEEPING_CHILD])
      await context.wake('key', { executorId: OTHER_EXECUTOR })
      same((await context.wake('key')).parent, null, 'parent that another holds')
      await context.release([await context.row('p')])
      same((await context.wake('key')).parent, null, 'parent that is due')
      const taken = present((await context.claim()).records[0], 'claim of the parent')
      same((await context.wake('key')).parent?.executionId, 'p', 'parent that the caller holds')
      await context.settle([completion(taken)])
      same((await context.wake('key')).parent, null, 'parent that went on')
    },
  },
  {
    name: 'tells a grandparent nothing',
    async run(context) {
      await waitingParent(context, 'g', [{ executionId: 'p' }])
      await underway(context, await context.row('p'), [SLEEPING_CHILD])
      const before = await context.row('g')
      context.advance(5)
      same((await context.wake('key')).parent?.executionId, 'p', 'parent')
      same(await context.row('g'), before, 'grandparent')
    },
  },
])
