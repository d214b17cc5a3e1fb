/** `lostClaims` reads which claims are not held any more. */
import type { LostClaim } from 'durable-execution'

import { casesOf } from '../case'
import { EXECUTOR, newExecution } from '../factory'
import { same } from '../lib/same'
import { allStarted, asleep, completed, named, started, takenOver, waitingParent } from '../scenes'

function sorted(lost: readonly LostClaim[]): unknown[] {
  const pairs = lost.map(({ executionId, status }) => ({ executionId, status }))
  return pairs.sort((a, b) => (a.executionId < b.executionId ? -1 : 1))
}

/** The cases of `lostClaims`. */
export const lostClaimsCases = casesOf('lostClaims', [
  {
    name: 'answers nothing while every claim is held, also by a lapsed lease',
    async run(context) {
      const rows = await allStarted(context, 'a', 'b')
      context.advance(100_000)
      same(await context.expectNoChange(() => context.lostClaims(rows)), [], 'lost claims')
    },
  },
  {
    name: 'answers what was cancelled, finished, released or is gone, with its status',
    async run(context) {
      const rows = await allStarted(context, 'held', 'cancelled', 'finished', 'released')
      await context.cancel(['cancelled'])
      await completed(context, ['finished'])
      await context.release([await context.row('released')])
      const lost = await context.expectNoChange(() =>
        context.lostClaims([...rows, { executionId: 'gone', claimCount: 1 }]),
      )
      const expected = [
        { executionId: 'cancelled', status: 'cancelled' },
        { executionId: 'finished', status: 'completed' },
        { executionId: 'gone', status: null },
        { executionId: 'released', status: 'ready' },
      ]
      same(sorted(lost), expected, 'lost claims')
    },
  },
  {
    name: 'answers what was taken over, also by the same executor',
    async run(context) {
      const first = await started(context, 'a')
      const second = await takenOver(context, 'a', EXECUTOR)
      same(
        sorted(await context.lostClaims([first])),
        [{ executionId: 'a', status: 'running' }],
        'lost claims of the first',
      )
      same(await context.lostClaims([second]), [], 'lost claims of the second')
    },
  },
  {
    name: 'answers an execution that fell asleep or waits again: nobody holds it',
    async run(context) {
      const parent = await started(context, 'p')
      await completed(context, ['p'])
      await waitingParent(context, 'q', named('c'))
      await asleep(context, 'k', 'key')
      const claims = [
        parent,
        { executionId: 'q', claimCount: 1 },
        { executionId: 'k', claimCount: 0 },
      ]
      same(
        sorted(await context.lostClaims(claims)),
        [
          { executionId: 'k', status: 'running' },
          { executionId: 'p', status: 'completed' },
          { executionId: 'q', status: 'waiting_for_children' },
        ],
        'lost claims',
      )
    },
  },
  {
    name: 'takes an empty batch',
    async run(context) {
      same(await context.lostClaims([]), [], 'lost claims')
    },
  },
  {
    name: 'takes a thousand claims at once',
    async run(context) {
      const executionIds = Array.from({ length: 1000 }, (_, index) => `e${index}`)
      await context.insert(
        executionIds.map((executionId) => newExecution({ executionId, start: 'claimed' })),
      )
      await context.cancel(['e500'])
      const claims = executionIds.map((executionId) => ({ executionId, claimCount: 1 }))
      same(
        sorted(await context.lostClaims(claims)),
        [{ executionId: 'e500', status: 'cancelled' }],
        'lost claims',
      )
    },
  },
])
