/** Journeys of sleeping executions: woken, timed out, cancelled; on their own and as children. */
import { childTask, type DurableExecutor, type Task } from 'durable-execution'

import { same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

function defineApproval(executor: DurableExecutor): Task<string, string> {
  return executor.sleepingTask<string>({ id: 'approval', timeoutMs: LONG_MS })
}

export const sleepingJourneys: readonly Journey[] = [
  {
    name: 'a sleeping task is woken with an output or an error, once',
    run: async (context) => {
      const executor = await context.executor()
      const approval = defineApproval(executor)
      const yes = await executor.enqueueTask(approval, 'yes')
      const no = await executor.enqueueTask(approval, 'no')
      same((await yes.getExecution()).status, 'running', 'status while it sleeps')
      same(executor.getRunningTaskExecutionsCount(), 0, 'executions held')
      const waker = context.client()
      const sameTask = defineApproval(waker)
      const wake = { status: 'completed', output: 'granted' } as const
      const woken = await waker.wakeupSleepingTaskExecution(sameTask, 'yes', wake)
      same([woken.executionId, woken.status], [yes.getExecutionId(), 'completed'], 'woken')
      const again = { status: 'completed', output: 'granted again' } as const
      await waker.wakeupSleepingTaskExecution(sameTask, 'yes', again)
      const refusal = { status: 'failed', error: new Error('refused') } as const
      await waker.wakeupSleepingTaskExecution(sameTask, 'no', refusal)
      same(await yes.waitAndGetOutput(), 'granted', 'output of the one')
      const refused = await no.waitAndGetFinishedExecution()
      same('error' in refused && refused.error.message, 'refused', 'message of the other')
    },
  },
  {
    name: 'a sleeping task is woken before it fell asleep',
    run: async (context) => {
      const executor = await context.executor()
      const approval = defineApproval(executor)
      const options = { sleepMsBeforeRun: LONG_MS }
      const handle = await executor.enqueueTask(approval, 'early', options)
      same((await handle.getExecution()).status, 'ready', 'status before it falls asleep')
      const wake = { status: 'completed', output: 'early' } as const
      await executor.wakeupSleepingTaskExecution(approval, 'early', wake)
      same(await handle.waitAndGetOutput(), 'early', 'output')
    },
  },
  {
    name: 'a sleeping task times out, counted from when it fell asleep',
    run: async (context) => {
      const executor = await context.executor()
      const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: 100 })
      const handle = await executor.enqueueTask(nap, 'soon')
      const delayed = await executor.enqueueTask(nap, 'later', { sleepMsBeforeRun: 80 })
      for (const sleeping of [handle, delayed]) {
        same((await sleeping.waitAndGetFinishedExecution()).status, 'timed_out', 'status')
        const { startedAt, finishedAt, takeovers } = await context.row(sleeping.getExecutionId())
        const sleptMs = (finishedAt ?? 0) - (startedAt ?? 0)
        same([sleptMs >= 100, takeovers], [true, 0], `slept ${sleptMs} ms; takeovers`)
      }
    },
  },
  {
    name: 'a sleeping task is cancelled, and its unique id is free again',
    run: async (context) => {
      const executor = await context.executor()
      const approval = defineApproval(executor)
      const first = await executor.enqueueTask(approval, 'order 7')
      const refused = await executor
        .enqueueTask(approval, 'order 7')
        .catch((error: unknown) => error)
      same(refused instanceof Error && 'code' in refused && refused.code, 'already_exists', 'code')
      await first.cancel()
      same((await first.waitAndGetFinishedExecution()).status, 'cancelled', 'status')
      const second = await executor.enqueueTask(approval, 'order 7')
      const wake = { status: 'completed', output: 'second' } as const
      const woken = await executor.wakeupSleepingTaskExecution(approval, 'order 7', wake)
      same(woken.executionId, second.getExecutionId(), 'woken')
    },
  },
  {
    name: 'sleeping children are woken, timed out, cancelled and refused, and finalize sees all of it',
    run: async (context) => {
      const executor = await context.executor()
      const approval = defineApproval(executor)
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: () => ({
          output: 0,
          children: [
            childTask(approval, 'woken'),
            childTask(approval, 'timed out', { timeoutMs: 60 }),
            childTask(approval, 'cancelled'),
            childTask(approval, 'woken'),
            childTask(approval, 'delayed', { sleepMsBeforeRun: 30 }),
          ],
        }),
        finalize: ({ children }) => children.map(({ status }) => status),
      })
      const handle = await executor.enqueueTask(parent)
      await context.until('its children are there', async () => {
        return (await handle.getExecution()).status === 'waiting_for_children'
      })
      const children = (await context.rows()).filter(({ taskId }) => taskId === 'approval')
      const third = children.find((child) => child.parent?.indexInParent === 2)
      const sleeping = await executor.getTaskExecutionHandle(approval, third?.executionId ?? '')
      const client = context.client()
      const wake = { status: 'completed', output: 'woken' } as const
      // By an executor that takes no parents over.
      await client.wakeupSleepingTaskExecution(defineApproval(client), 'woken', wake)
      await sleeping.cancel()
      await executor.wakeupSleepingTaskExecution(approval, 'delayed', wake)
      const expected = ['completed', 'timed_out', 'cancelled', 'failed', 'completed']
      same(await handle.waitAndGetOutput(), expected, 'statuses of the children')
    },
  },
  {
    name: 'a sleeping task in a sequence holds up the rest until it is woken',
    run: async (context) => {
      const executor = await context.executor()
      const approval = defineApproval(executor)
      const log: string[] = []
      const ask = executor.task({
        id: 'ask',
        timeoutMs: LONG_MS,
        run: (_context, id: string) => id,
      })
      const act = executor.task({
        id: 'act',
        timeoutMs: LONG_MS,
        run: (_context, answer: string) => log.push(answer),
      })
      const sequence = executor.sequentialTasks('sequence', [ask, approval, act])
      const handle = await executor.enqueueTask(sequence, 'request 1')
      await context.until('it sleeps', async () => {
        return (await context.rows()).some(({ taskId }) => taskId === 'approval')
      })
      same(log, [], 'what was done before the answer')
      const wake = { status: 'completed', output: 'yes' } as const
      await executor.wakeupSleepingTaskExecution(approval, 'request 1', wake)
      same(await handle.waitAndGetOutput(), 1, 'output')
      same(log, ['yes'], 'what was done after the answer')
    },
  },
]
