/** `settle` writes the ends of runs, each guarded by its claim. */
import { settlementOf, transitions, type ExecutionRecord } from 'durable-execution'

import { casesOf } from '../case'
import { EXECUTOR, LEASE_MS, newExecution, START, storedError, TIMEOUT_MS } from '../factory'
import { present, same } from '../lib/same'
import { asleep, completed, completion, failure, started } from '../scenes'
import { settledAs } from './outcomes'

/** The record with retries left. */
function withRetries(record: ExecutionRecord): ExecutionRecord {
  return { ...record, retryOptions: { ...record.retryOptions, maxAttempts: 5, baseDelayMs: 700 } }
}

/** The cases of `settle` about the row itself. */
export const settleCases = casesOf('settle', [
  {
    name: 'completes a running execution with its output',
    async run(context) {
      const row = await started(context, 'a')
      context.advance(20)
      const answer = await context.settle([
        settlementOf(row, transitions.complete(row, '{"text":"done"}')),
      ])
      same(
        answer,
        {
          now: context.now,
          outcomes: [{ outcome: 'applied', claimedInsertions: [] }],
          parents: [],
        },
        'answer',
      )
      same(
        await context.row('a'),
        {
          ...row,
          status: 'completed',
          output: '{"text":"done"}',
          executorId: null,
          claimAt: null,
          finishedAt: context.now,
          updatedAt: context.now,
        },
        'row',
      )
    },
  },
  {
    name: 'ends executions as failed, timed_out and cancelled with their errors',
    async run(context) {
      const errors = [
        storedError({ message: 'no', isInternal: true, code: 'invalid_input' }),
        storedError({ errorType: 'timed_out', code: 'timed_out', isRetryable: true }),
        storedError({ errorType: 'cancelled', code: 'cancelled' }),
        storedError({ errorType: 'not_found', code: 'not_found' }),
      ]
      const statuses = ['failed', 'timed_out', 'cancelled', 'failed'] as const
      for (const [index, error] of errors.entries()) {
        const row = await started(context, `e${index}`)
        await context.settle([settlementOf(row, transitions.fail(row, error))])
        await context.expectRow(`e${index}`, {
          status: present(statuses[index], 'status'),
          error,
          output: null,
          executorId: null,
          claimAt: null,
          finishedAt: START,
        })
      }
    },
  },
  {
    name: 'makes a failed run ready for its retry, due after the delay, without its takeovers',
    async run(context) {
      await started(context, 'a')
      context.advance(LEASE_MS)
      const row = present((await context.claim()).records[0], 'takeover')
      context.advance(5)
      const error = storedError({ isRetryable: true, message: 'try again' })
      const change = transitions.retryOrFail(withRetries(row), error, 0)
      same(settledAs(await context.settle([settlementOf(row, change)])), ['applied'], 'outcomes')
      same(
        await context.row('a'),
        {
          ...row,
          status: 'ready',
          attempt: 1,
          takeovers: 0,
          error,
          executorId: null,
          claimAt: context.now + 700,
          startAt: context.now + 700,
          updatedAt: context.now,
        },
        'row',
      )
    },
  },
  {
    name: 'removes the error of the attempt before from an execution that completes',
    async run(context) {
      const row = await started(context, 'a')
      const change = transitions.retryOrFail(
        withRetries(row),
        storedError({ isRetryable: true }),
        0,
      )
      await context.settle([settlementOf(row, change)])
      context.advance(700)
      const retried = present((await context.claim()).records[0], 'claim of the retry')
      same(retried.error?.isRetryable, true, 'error of the attempt before, while it runs')
      await context.settle([completion(retried)])
      await context.expectRow('a', { status: 'completed', error: null, attempt: 1 })
    },
  },
  {
    name: 'settles what a lapsed lease holds, as long as nobody took it',
    async run(context) {
      const row = await started(context, 'a')
      context.advance(3 * LEASE_MS)
      same(settledAs(await context.settle([completion(row)])), ['applied'], 'outcomes')
    },
  },
  {
    name: 'times out a sleeping execution, which gives up its key',
    async run(context) {
      await asleep(context, 'a', 'key')
      context.advance(TIMEOUT_MS)
      const row = present((await context.claim()).records[0], 'claim at the time-out')
      const error = storedError({ errorType: 'timed_out', code: 'timed_out' })
      await context.settle([settlementOf(row, transitions.fail(row, error))])
      await context.expectRow('a', { status: 'timed_out', error, sleepingKey: 'key:a' })
      await asleep(context, 'b', 'key')
    },
  },
  {
    name: 'answers one outcome per settlement, in their order',
    async run(context) {
      const b = await started(context, 'b')
      const a = await started(context, 'a')
      const done = await started(context, 'done')
      await completed(context, ['done'])
      const stale = { ...a, executionId: 'c', claimCount: 3 }
      const answer = await context.settle([
        completion(done),
        completion(b),
        completion(stale),
        failure(a),
      ])
      same(settledAs(answer), ['repeated', 'applied', 'lost', 'applied'], 'outcomes')
      await context.expectRow('a', { status: 'failed' })
      await context.expectRow('b', { status: 'completed' })
    },
  },
  {
    name: 'takes an empty batch',
    async run(context) {
      same(await context.settle([]), { now: context.now, outcomes: [], parents: [] }, 'answer')
    },
  },
  {
    name: 'takes a thousand settlements at once, each with its own change',
    async run(context) {
      const executionIds = Array.from({ length: 1000 }, (_, index) => `e${index}`)
      await context.insert(
        executionIds.map((executionId) => newExecution({ executionId, start: 'claimed' })),
      )
      const settlements = (await context.rows()).map((row) =>
        settlementOf(row, transitions.complete(row, `"of ${row.executionId}"`)),
      )
      const answer = await context.settle(settlements, { executorId: EXECUTOR })
      same(new Set(settledAs(answer)), new Set(['applied']), 'outcomes')
      same(
        (await context.rows()).map(({ output }) => output),
        settlements.map(({ executionId }) => `"of ${executionId}"`),
        'outputs',
      )
    },
  },
])
