import { childTask, isFinished, type DurableExecutor, type Task } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { createTestExecutor } from './test-executor'

const DAY_MS = 86_400_000

function defineGreet(executor: DurableExecutor): Task<string, string> {
  return executor.task({ id: 'greet', timeoutMs: 1000, run: (_context, name) => `Hello ${name}` })
}

describe('a test executor', () => {
  it('runs what needs no time by itself', async () => {
    const executor = createTestExecutor()
    const greet = defineGreet(executor)
    await executor.start()
    const handle = await executor.enqueueTask(greet, 'ann')
    await expect(handle.waitAndGetOutput()).resolves.toBe('Hello ann')
    await executor.shutdown()
  })

  it('starts what is delayed when its time has come, and not before', async () => {
    const executor = createTestExecutor()
    const greet = defineGreet(executor)
    await executor.start()
    const handle = await executor.enqueueTask(greet, 'ann', { sleepMsBeforeRun: DAY_MS })
    await executor.advanceBy(DAY_MS - 1)
    expect((await handle.getExecution()).status).toBe('ready')
    await executor.advanceBy(1)
    expect((await handle.getExecution()).status).toBe('completed')
    await executor.shutdown()
  })

  it('runs retries, delays, time-outs and trees until it is idle', async () => {
    const executor = createTestExecutor()
    let runs = 0
    const flaky = executor.task({
      id: 'flaky',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 5, baseDelayMs: 60_000, delayMultiplier: 2 },
      run: () => {
        runs += 1
        if (runs < 4) throw new Error('Not yet')
        return runs
      },
    })
    const slow = executor.task({
      id: 'slow',
      timeoutMs: 1000,
      run: async ({ cancelSignal }) => executor.sleep(DAY_MS, cancelSignal),
    })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: null, children: [childTask(flaky), childTask(slow)] }),
      finalize: ({ children }) => children.map(({ status }) => status),
    })
    await executor.start()
    const startedAt = executor.now()
    const handle = await executor.enqueueTask(parent)
    await executor.runUntilIdle()
    const execution = await handle.getExecution()
    expect(execution).toMatchObject({ status: 'completed', output: ['completed', 'timed_out'] })
    // Pauses of one, two and four minutes.
    const tookMs = executor.now() - startedAt
    expect(tookMs).toBeGreaterThanOrEqual(7 * 60_000)
    expect(tookMs).toBeLessThan(8 * 60_000)
    await executor.until(executor.shutdown())
  })

  it('is idle while all that is left is asleep', async () => {
    const executor = createTestExecutor()
    const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: DAY_MS })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: null, children: [childTask(nap, 'order 1')] }),
    })
    await executor.start()
    const handle = await executor.enqueueTask(parent)
    await executor.runUntilIdle()
    expect((await handle.getExecution()).status).toBe('waiting_for_children')
    await executor.wakeupSleepingTaskExecution(nap, 'order 1', {
      status: 'completed',
      output: 'up',
    })
    await executor.runUntilIdle()
    expect((await handle.getExecution()).status).toBe('completed')
    expect(executor.records().every(({ status }) => isFinished(status))).toBe(true)
    await executor.shutdown()
  })

  it('says what is still active when the most time has passed', async () => {
    const executor = createTestExecutor()
    const endless = executor.task({
      id: 'endless',
      timeoutMs: 365 * DAY_MS,
      run: async ({ cancelSignal }) => executor.sleep(300 * DAY_MS, cancelSignal),
    })
    await executor.start()
    await executor.enqueueTask(endless)
    await expect(executor.runUntilIdle({ withinMs: 60_000 })).rejects.toThrow(
      /te_\S+ of endless is running.*advanceBy/,
    )
    await expect(executor.until(new Promise(() => {}), { withinMs: 10 })).rejects.toThrow(
      'within 10 ms',
    )
    await executor.until(executor.shutdown({ graceMs: 0 }))
  })

  it('runs fakes instead of tasks of every kind', async () => {
    const inputs: unknown[] = []
    const executor = createTestExecutor({
      fakes: {
        greet: (name: string) => {
          inputs.push(name)
          return `Fake ${name}`
        },
        twice: () => 'faked sequence',
        nap: (id: string) => `faked nap ${id}`,
      },
    })
    const greet = defineGreet(executor)
    const twice = executor.sequentialTasks('twice', [greet, greet])
    const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: DAY_MS })
    await executor.start()
    const handles = await executor.enqueueTasks([
      childTask(greet, 'ann'),
      childTask(twice, 'bob'),
      childTask(nap, 'order 1'),
    ])
    const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
    expect(outputs).toEqual(['Fake ann', 'faked sequence', 'faked nap order 1'])
    expect(inputs).toEqual(['ann'])
    await executor.shutdown()
  })

  it('has the same ids and times in every run', async () => {
    const runOnce = async (seed: number): Promise<unknown> => {
      const executor = createTestExecutor({ seed })
      const greet = defineGreet(executor)
      await executor.start()
      await executor.enqueueTask(greet, 'ann', { sleepMsBeforeRun: 5000 })
      await executor.runUntilIdle()
      await executor.shutdown()
      return executor.records()
    }
    expect(await runOnce(1)).toEqual(await runOnce(1))
    expect(await runOnce(1)).not.toEqual(await runOnce(2))
  })
})
