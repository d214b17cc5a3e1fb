import { childTask, type DurableExecutor, type Task } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { runTaskAlone } from './run-alone'

interface Tasks {
  readonly resize: Task<number, string>
  readonly publish: Task<string, string[]>
}

function defineTasks(executor: DurableExecutor): Tasks {
  const resize = executor.task({
    id: 'resize',
    timeoutMs: 1000,
    run: (_context, width: number): string => {
      throw new Error(`Would resize to ${width}`)
    },
  })
  const publish = executor.parentTask({
    id: 'publish',
    timeoutMs: 1000,
    runParent: (_context, image: string) => ({
      output: image,
      children: [320, 640].map((width) => childTask(resize, width)),
    }),
    finalize: ({ output, children }) =>
      children.map((child) =>
        child.status === 'completed' ? `${output} ${child.output}` : child.error.message,
      ),
  })
  return { resize, publish }
}

describe('a task that is run alone', () => {
  it('has its own functions and faked children', async () => {
    const { execution, fakedRuns } = await runTaskAlone(
      (executor) => defineTasks(executor).publish,
      'cat',
      { fakes: { resize: (width: number) => `at ${width}` } },
    )
    expect(execution).toMatchObject({ status: 'completed', output: ['cat at 320', 'cat at 640'] })
    expect(fakedRuns).toEqual([
      { taskId: 'resize', input: 320 },
      { taskId: 'resize', input: 640 },
    ])
  })

  it('sees the errors of its fakes', async () => {
    const { execution } = await runTaskAlone((executor) => defineTasks(executor).publish, 'cat', {
      fakes: {
        resize: (width: number) => {
          if (width === 640) throw new Error('No such width')
          return 'small'
        },
      },
    })
    expect(execution).toMatchObject({ output: ['cat small', 'No such width'] })
  })

  it('says of a child that it has no fake', async () => {
    const { execution } = await runTaskAlone((executor) => defineTasks(executor).publish, 'cat')
    const message =
      'Task publish is run alone, and its child resize has no fake: give one in fakes.resize'
    expect(execution).toMatchObject({ output: [message, message] })
  })

  it('has its own time-outs and retries', async () => {
    let runs = 0
    const { execution } = await runTaskAlone(
      (executor) =>
        executor.task({
          id: 'flaky',
          timeoutMs: 1000,
          retryOptions: { maxAttempts: 2, baseDelayMs: 3_600_000 },
          run: (_context, input: number) => {
            runs += 1
            if (runs < 3) throw new Error('Not yet')
            return input + runs
          },
        }),
      10,
    )
    expect(execution).toMatchObject({ status: 'completed', output: 13, attempt: 2 })
  })
})
