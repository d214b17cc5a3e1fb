import { ORPCError } from '@orpc/client'
import { DurableExecutionError } from 'durable-execution/errors'
import { describe, expect, it } from 'vitest'

import { VirtualClock } from '../../tests/support/virtual-clock'
import { callUntilAnswered } from './calls'
import { resolveClientOptions, type TaskClientOptions } from './options'

function start(options: TaskClientOptions = {}, random = 0) {
  const environment = new VirtualClock(random)
  return { environment, caller: { environment, options: resolveClientOptions(options) } }
}

const away = (): never => {
  throw new ORPCError('SERVICE_UNAVAILABLE')
}

describe('a call', () => {
  it('is repeated after pauses that double up to the longest', async () => {
    const { environment, caller } = start({ maxRetries: 5, baseDelayMs: 100, maxDelayMs: 500 })
    const at: number[] = []
    const call = callUntilAnswered(caller, undefined, async () => {
      at.push(environment.monotonic())
      return away()
    })
    await expect(environment.until(call)).rejects.toMatchObject({ isRetryable: true })
    expect(at).toEqual([0, 100, 300, 700, 1200, 1700])
  })

  it('has up to half of each pause taken off at random', async () => {
    const { environment, caller } = start({ maxRetries: 1, baseDelayMs: 100 }, 0.5)
    const at: number[] = []
    const call = callUntilAnswered(caller, undefined, async () => {
      at.push(environment.monotonic())
      return away()
    })
    await expect(environment.until(call)).rejects.toThrow(DurableExecutionError)
    expect(at).toEqual([0, 75])
  })

  it('by default is made nine times within 17 seconds', async () => {
    const { environment, caller } = start()
    let calls = 0
    const call = callUntilAnswered(caller, undefined, async () => {
      calls += 1
      return away()
    })
    await expect(environment.until(call)).rejects.toThrow(DurableExecutionError)
    expect(calls).toBe(9)
    expect(environment.monotonic()).toBeLessThan(17_000)
  })

  it('is aborted and made again when nobody answers in time', async () => {
    const { environment, caller } = start({ callTimeoutMs: 1000, baseDelayMs: 10 })
    const signals: AbortSignal[] = []
    const call = callUntilAnswered(caller, undefined, async ({ signal }) => {
      if (signal) signals.push(signal)
      // Not every link heeds a signal.
      return signals.length < 3 ? new Promise<string>(() => {}) : 'answered'
    })
    expect(await environment.until(call)).toBe('answered')
    expect(signals.slice(0, 2).every(({ aborted }) => aborted)).toBe(true)
    expect(environment.monotonic()).toBe(2030)
  })

  it.each(['FORBIDDEN', 'UNAUTHORIZED', 'NOT_FOUND', 'BAD_REQUEST', 'INTERNAL_SERVER_ERROR'])(
    'is not repeated where the answer is %s',
    async (code) => {
      const { environment, caller } = start()
      let calls = 0
      const call = callUntilAnswered(caller, undefined, async () => {
        calls += 1
        throw new ORPCError(code, { message: 'No' })
      })
      await expect(environment.until(call)).rejects.toMatchObject({ message: 'No' })
      expect(calls).toBe(1)
    },
  )

  it('asks for its context each time', async () => {
    let tokens = 0
    const { environment, caller } = start({
      context: () => ({ token: (tokens += 1) }),
      maxRetries: 2,
      baseDelayMs: 1,
    })
    const seen: unknown[] = []
    const call = callUntilAnswered(caller, undefined, async ({ context }) => {
      seen.push(context)
      return away()
    })
    await expect(environment.until(call)).rejects.toThrow(DurableExecutionError)
    expect(seen).toEqual([{ token: 1 }, { token: 2 }, { token: 3 }])
  })

  it('leaves no timer and no listener behind', async () => {
    const { environment, caller } = start()
    const controller = new AbortController()
    await callUntilAnswered(caller, controller.signal, async () => 'answered')
    expect(environment.timerCount).toBe(0)
  })
})

describe('options of handles', () => {
  it.each<[unknown, string]>([
    [
      { retries: 1 },
      'unknown key "retries", expected only context, maxRetries, baseDelayMs, maxDelayMs, callTimeoutMs, longestOutageMs',
    ],
    [{ maxRetries: -1 }, 'maxRetries: expected a number from 0 to 2147483647, got -1'],
    [{ callTimeoutMs: 0 }, 'callTimeoutMs: expected a number from 1 to 2147483647, got 0'],
    [{ maxDelayMs: '5' }, 'maxDelayMs: expected a number from 0 to 2147483647, got "5"'],
  ])('that are wrong are refused: %o', (options, problem) => {
    const resolve = (): unknown => resolveClientOptions(options as TaskClientOptions)
    expect(resolve).toThrow(`Invalid options of task handles: ${problem}`)
    expect(resolve).toThrow(
      expect.objectContaining({ code: 'invalid_options', isRetryable: false }),
    )
  })

  it('may say that a wait never gives up', () => {
    expect(resolveClientOptions({ longestOutageMs: null }).longestOutageMs).toBe(Infinity)
  })
})
