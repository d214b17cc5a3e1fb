import type { DurableExecutor, Task } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { forEachCrashPoint, runWithCrash, type CrashPoint } from './crash-points'

interface Bank {
  withdraw(id: string, amount: number): Promise<void>
  deposit(id: string, amount: number): Promise<void>
}

function createBank(isIdempotent: boolean): { bank: Bank; balances: { from: number; to: number } } {
  const balances = { from: 100, to: 0 }
  const done = new Set<string>()
  const once = async (key: string, change: () => void): Promise<void> => {
    if (isIdempotent && done.has(key)) return
    done.add(key)
    change()
  }
  return {
    balances,
    bank: {
      withdraw: (id, amount) => once(`withdraw ${id}`, () => (balances.from -= amount)),
      deposit: (id, amount) => once(`deposit ${id}`, () => (balances.to += amount)),
    },
  }
}

function defineTransfer(executor: DurableExecutor, bank: Bank): Task<number, string> {
  return executor.task({
    id: 'transfer',
    timeoutMs: 10_000,
    run: async ({ executionId }, amount: number) => {
      await bank.withdraw(executionId, amount)
      await bank.deposit(executionId, amount)
      return 'transferred'
    },
  })
}

describe('crash points', () => {
  it('are before the first call, after each, and before the end is stored', async () => {
    const points: [CrashPoint, boolean][] = []
    const count = await forEachCrashPoint(async (crash) => {
      const { bank, balances } = createBank(true)
      const { execution, hasCrashed } = await crash.run(
        (executor, process) => defineTransfer(executor, process.crashable(bank)),
        30,
      )
      points.push([crash.point, hasCrashed])
      expect(execution).toMatchObject({ status: 'completed', output: 'transferred' })
      expect(balances).toEqual({ from: 70, to: 30 })
    })
    expect(points).toEqual([
      [0, true],
      [1, true],
      [2, true],
      [3, false],
      ['beforeEndIsStored', true],
    ])
    expect(count).toBe(4)
  })

  it('show a task that must not be run again', async () => {
    const totals: number[] = []
    await forEachCrashPoint(async (crash) => {
      const { bank, balances } = createBank(false)
      await crash.run((executor, process) => defineTransfer(executor, process.crashable(bank)), 30)
      totals.push(balances.from)
    })
    expect(totals).toEqual([70, 40, 40, 70, 40])
  })

  it('pass on what the test throws', async () => {
    const failing = forEachCrashPoint(() => Promise.reject(new Error('Seen')))
    await expect(failing).rejects.toThrow('Seen')
  })

  it('say that no task was run', async () => {
    await expect(forEachCrashPoint(async () => {})).rejects.toThrow('call crash.run')
  })

  it('end the sleep of a process that was killed never', async () => {
    const log: string[] = []
    const { execution, hasCrashed } = await runWithCrash(
      1,
      (executor, process) => {
        const step = process.crashable({ note: async (text: string) => void log.push(text) })
        return executor.task({
          id: 'task',
          timeoutMs: 100_000,
          run: async () => {
            void step.note('began')
            await process.sleep(1000)
            await step.note('slept')
          },
        })
      },
      undefined,
    )
    expect(execution.status).toBe('completed')
    expect(hasCrashed).toBe(true)
    expect(log).toEqual(['began', 'began', 'slept'])
  })
})
