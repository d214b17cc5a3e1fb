import { ORPCError } from '@orpc/client'
import { describe, expect, it } from 'vitest'

import { VirtualClock } from '../../tests/support/virtual-clock'
import type { WireExecution, WireWaitEvent } from '../wire'
import { resolveClientOptions, type TaskClientOptions } from './options'
import { waitUntilFinished } from './wait'

const execution = { executionId: 'te_1', status: 'completed' } as WireExecution
const waiting = { type: 'waiting', heartbeatMs: 1000 } as const
const finished = { type: 'finished', execution } as const

/** One stream: its events, each after so many milliseconds, and how it ends. */
interface Script {
  readonly events: readonly [afterMs: number, event: WireWaitEvent][]
  readonly end?: 'cleanly' | 'never' | Error
}

function play(scripts: Script[], options: TaskClientOptions = {}, signal?: AbortSignal) {
  const clock = new VirtualClock()
  const openedAt: number[] = []
  let streamEnded: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    streamEnded = resolve
  })
  async function* stream({ events, end = 'cleanly' }: Script): AsyncGenerator<WireWaitEvent> {
    for (const [afterMs, event] of events) {
      if (afterMs > 0) await clock.passed(afterMs)
      yield event
    }
    if (end === 'never') await new Promise(() => {})
    if (end instanceof Error) throw end
    streamEnded()
  }
  const caller = { environment: clock, options: resolveClientOptions(options) }
  const wait = waitUntilFinished(caller, signal, async () => {
    openedAt.push(clock.monotonic())
    return stream(scripts.shift() ?? { events: [], end: new TypeError('fetch failed') })
  })
  return { clock, wait, openedAt, ended }
}

describe('a remote wait', () => {
  it('ends with the finished execution', async () => {
    const { clock, wait } = play([
      {
        events: [
          [0, waiting],
          [500, finished],
        ],
        end: 'never',
      },
    ])
    expect(await clock.until(wait)).toBe(execution)
    // The server has yet to end the stream: if it doesn't, it is broken off.
    expect(clock.timerCount).toBe(1)
    await clock.until(clock.passed(1000))
    expect(clock.timerCount).toBe(0)
  })

  it('reads a stream to its end, so that the connection can serve again', async () => {
    const { clock, wait, ended } = play([{ events: [[0, finished]] }])
    expect(await clock.until(wait)).toBe(execution)
    await clock.until(ended)
    expect(clock.timerCount).toBe(0)
  })

  it('opens a new stream where one ends, breaks off or goes silent', async () => {
    const { clock, wait, openedAt } = play(
      [
        { events: [[0, waiting]] },
        { events: [[0, waiting]], end: new TypeError('terminated') },
        { events: [[0, waiting]], end: 'never' },
        { events: [], end: 'never' },
        { events: [[0, finished]] },
      ],
      { callTimeoutMs: 3000, baseDelayMs: 100, maxDelayMs: 100 },
    )
    expect(await clock.until(wait)).toBe(execution)
    // After the third: two heartbeats and the time a call may take. After the fourth, of which nothing came: only the latter.
    expect(openedAt).toEqual([0, 100, 200, 5300, 8400])
  })

  it('lasts as long as heartbeats come', async () => {
    const beats = Array.from({ length: 3600 }, () => [1000, waiting] as const)
    const { clock, wait, openedAt } = play([
      {
        events: [
          ...beats.map(([ms, event]) => [ms, event] as [number, WireWaitEvent]),
          [1, finished],
        ],
      },
    ])
    expect(await clock.until(wait)).toBe(execution)
    expect(openedAt).toEqual([0])
  })

  it('makes short pauses again after a good stream', async () => {
    const { clock, wait, openedAt } = play([
      { events: [] },
      { events: [] },
      { events: [] },
      { events: [[6000, waiting]] },
      { events: [[0, finished]] },
    ])
    await clock.until(wait)
    expect(openedAt).toEqual([0, 100, 300, 700, 6800])
  })

  it('gives up after so long without any contact', async () => {
    const { clock, wait } = play([{ events: [[5000, waiting]] }], { longestOutageMs: 60_000 })
    await expect(clock.until(wait)).rejects.toMatchObject({ isRetryable: true })
    expect(clock.monotonic()).toBeGreaterThanOrEqual(65_000)
    expect(clock.monotonic()).toBeLessThan(75_000)
  })

  it.each(['NOT_FOUND', 'FORBIDDEN', 'UNAUTHORIZED', 'INTERNAL_SERVER_ERROR'])(
    'ends where the server says %s, at once or in the midst',
    async (code) => {
      const error = new ORPCError(code, { message: 'No' })
      for (const events of [[], [[0, waiting]]] as [number, WireWaitEvent][][]) {
        const { clock, wait, openedAt } = play([{ events, end: error }])
        await expect(clock.until(wait)).rejects.toMatchObject({ message: 'No' })
        expect(openedAt).toHaveLength(1)
      }
    },
  )

  it('ends with the reason of its signal, whatever it is at', async () => {
    const reason = new Error('Enough of it')
    await expect(play([], {}, AbortSignal.abort(reason)).wait).rejects.toBe(reason)
    const controller = new AbortController()
    const { clock, wait } = play([{ events: [[0, waiting]], end: 'never' }], {}, controller.signal)
    clock.setTimer(10, () => {
      controller.abort(reason)
    })
    await expect(clock.until(wait)).rejects.toBe(reason)
    expect(clock.timerCount).toBe(0)
  })
})
