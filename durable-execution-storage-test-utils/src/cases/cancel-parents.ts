/** `cancel` of children, whose parents go on, and of targets that are related to one another. */
import { casesOf } from '../case'
import { same } from '../lib/same'
import { idsOf } from '../rows'
import {
  completed,
  completion,
  deepTree,
  named,
  newSequence,
  underway,
  waitingForFinalize,
  waitingParent,
} from '../scenes'
import { settledAs } from './outcomes'

/** The cases of `cancel` about parents and related targets. */
export const cancelParentCases = casesOf('cancel', [
  {
    name: 'makes a parent due now whose last active child is cancelled',
    async run(context) {
      const before = await waitingParent(context, 'p', named('a', 'b'))
      await completed(context, ['b'])
      context.advance(9)
      await context.cancel(['a'])
      const expected = {
        ...before,
        activeChildrenCount: 0,
        claimAt: context.now,
        updatedAt: context.now,
      }
      same(await context.row('p'), expected, 'parent')
      same(idsOf((await context.claim()).records), ['p'], 'claimed')
    },
  },
  {
    name: 'brings the count of a parent down that waits for others still',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b', 'c'))
      context.advance(9)
      await context.cancel(['b'])
      await context.expectRow('p', {
        activeChildrenCount: 2,
        claimAt: null,
        updatedAt: context.now,
      })
    },
  },
  {
    name: 'brings the count down once for each of several children of one parent',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b', 'c'))
      same(await context.cancel(['c', 'a']), ['cancelled', 'cancelled'], 'outcomes')
      await context.expectRow('p', { activeChildrenCount: 1, claimAt: null })
      await context.cancel(['a', 'b'])
      await context.expectRow('p', { activeChildrenCount: 0, claimAt: context.now })
    },
  },
  {
    name: 'counts a child once that is named twice',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      same(await context.cancel(['a', 'a']), ['cancelled', 'cancelled'], 'outcomes')
      await context.expectRow('p', { activeChildrenCount: 1 })
    },
  },
  {
    name: 'makes a parent due now whose finalize is cancelled',
    async run(context) {
      await waitingForFinalize(context, 'p', { executionId: 'f' })
      await context.cancel(['f'])
      await context.expectRow('p', {
        status: 'waiting_for_finalize',
        activeChildrenCount: 0,
        claimAt: context.now,
      })
    },
  },
  {
    name: 'makes a sequence due now whose step is cancelled',
    async run(context) {
      await context.insert(newSequence('s', { executionId: 's0', start: 'claimed' }))
      await context.cancel(['s0'])
      await context.expectRow('s', { activeChildrenCount: 0, claimAt: context.now })
    },
  },
  {
    name: 'does not bring a count down again when the cancelled child is settled late',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      const row = await context.row('a')
      await context.cancel(['a'])
      const answer = await context.expectNoChange(() => context.settle([completion(row)]))
      same(settledAs(answer), ['lost'], 'outcome')
      await context.expectRow('p', { activeChildrenCount: 1 })
    },
  },
  {
    name: 'does not bring a count down for a child that had finished',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await completed(context, ['a'])
      context.advance(1)
      const outcomes = await context.expectNoChange(() => context.cancel(['a']))
      same(outcomes, ['finished'], 'outcomes')
    },
  },
  {
    name: 'takes a parent and its child as targets, in both orders',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await waitingParent(context, 'q', named('c', 'd'))
      same(await context.cancel(['p', 'a']), ['cancelled', 'cancelled'], 'parent first')
      same(await context.cancel(['c', 'q']), ['cancelled', 'cancelled'], 'child first')
      for (const executionId of ['p', 'a', 'b', 'q', 'c', 'd']) {
        await context.expectRow(executionId, {
          status: 'cancelled',
          claimAt: null,
          activeChildrenCount: 0,
        })
      }
    },
  },
  {
    name: 'takes a grandchild and its grandparent as targets, in both orders',
    async run(context) {
      const ids = await deepTree(context, 4)
      same(await context.cancel(['p3', 'p1']), ['cancelled', 'cancelled'], 'grandchild first')
      await context.expectRow('p0', { activeChildrenCount: 0, claimAt: context.now })
      for (const executionId of ids.slice(1)) {
        await context.expectRow(executionId, { status: 'cancelled', activeChildrenCount: 0 })
      }
      await waitingParent(context, 'g', named('h'))
      await underway(context, await context.row('h'), named('i'))
      await underway(context, await context.row('i'), named('j'))
      same(await context.cancel(['h', 'j']), ['cancelled', 'cancelled'], 'grandparent first')
      await context.expectRow('g', { activeChildrenCount: 0, claimAt: context.now })
      await context.expectRow('j', { status: 'cancelled' })
    },
  },
  {
    name: 'takes two children of different depth under a parent that goes on',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b', 'c'))
      await underway(context, await context.row('a'), named('a1', 'a2'))
      await context.cancel(['a1', 'b'])
      await context.expectRow('p', { activeChildrenCount: 2, claimAt: null })
      await context.expectRow('a', { activeChildrenCount: 1, claimAt: null })
      await context.cancel(['a2', 'c'])
      await context.expectRow('a', { activeChildrenCount: 0, claimAt: context.now })
      await context.expectRow('p', { activeChildrenCount: 1, claimAt: null })
    },
  },
])
