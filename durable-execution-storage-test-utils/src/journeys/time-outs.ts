/** Journeys of tasks that take too long. */
import { aborted, Latch } from '../lib/latch'
import { holds, same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

export const timeoutJourneys: readonly Journey[] = [
  {
    name: 'a task that respects its signal times out',
    run: async (context) => {
      const executor = await context.executor()
      const patient = executor.task({
        id: 'patient',
        timeoutMs: 50,
        run: ({ cancelSignal }) => aborted(cancelSignal),
      })
      const handle = await executor.enqueueTask(patient)
      const execution = await handle.waitAndGetFinishedExecution()
      same(execution.status, 'timed_out', 'status')
      same('error' in execution && execution.error.code, 'timed_out', 'code of the error')
    },
  },
  {
    name: 'a task that ignores its signal times out after a grace, and what it returns is not recorded',
    run: async (context) => {
      const executor = await context.executor({ abortGraceMs: 100 })
      const latch = new Latch()
      let hasReturned = false
      let abortedAt = Infinity
      const deaf = executor.task({
        id: 'deaf',
        timeoutMs: 50,
        run: async ({ cancelSignal }) => {
          cancelSignal.addEventListener('abort', () => {
            abortedAt = context.now()
          })
          await latch.opened
          hasReturned = true
          return 'too late'
        },
      })
      // The limit counts from before the function's first line: taken in it, this is later by as long as the process was held up.
      const enqueuedAt = context.now()
      const handle = await executor.enqueueTask(deaf)
      const execution = await handle.waitAndGetFinishedExecution()
      latch.open()
      same([execution.status, hasReturned], ['timed_out', false], 'status, before it returned')
      // Timers may be early by a millisecond.
      holds(abortedAt - enqueuedAt >= 49, 'the time-out has passed')
      holds(context.now() - abortedAt >= 99, 'the grace has passed')
      await context.until('the function has returned', () => hasReturned)
      same((await handle.getExecution()).status, 'timed_out', 'status after it returned')
    },
  },
  {
    name: 'a task that timed out is retried, and never runs twice at once',
    run: async (context) => {
      const executor = await context.executor({ abortGraceMs: LONG_MS })
      let running = 0
      let mostRunning = 0
      const slow = executor.task({
        id: 'slow_to_stop',
        timeoutMs: 40,
        retryOptions: { maxAttempts: 3 },
        run: async ({ cancelSignal, attempt }) => {
          running += 1
          mostRunning = Math.max(mostRunning, running)
          if (attempt < 2) await aborted(cancelSignal).catch(() => context.pause(60))
          running -= 1
          return attempt
        },
      })
      const handle = await executor.enqueueTask(slow)
      same(await handle.waitAndGetOutput(), 2, 'the attempt that was in time')
      same(mostRunning, 1, 'runs at once')
    },
  },
  {
    name: 'an enqueue has a time-out of its own',
    run: async (context) => {
      const executor = await context.executor()
      const patient = executor.task({
        id: 'patient',
        timeoutMs: LONG_MS,
        run: ({ cancelSignal }) => aborted(cancelSignal),
      })
      const handle = await executor.enqueueTask(patient, undefined, { timeoutMs: 30 })
      same((await handle.waitAndGetFinishedExecution()).status, 'timed_out', 'status')
      same((await context.row(handle.getExecutionId())).timeoutMs, 30, 'time-out in the row')
    },
  },
]
