import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import { delay, systemEnvironment } from './environment'

const DAY_MS = 24 * 60 * 60 * 1000

describe('systemEnvironment', () => {
  describe('setTimer', () => {
    beforeEach(() => {
      vi.useFakeTimers()
    })

    afterEach(() => {
      vi.useRealTimers()
    })

    it('calls back once, after its time', () => {
      const callback = vi.fn()
      systemEnvironment.setTimer(100, callback)
      vi.advanceTimersByTime(99)
      expect(callback).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(callback).toHaveBeenCalledTimes(1)
      vi.advanceTimersByTime(1000)
      expect(callback).toHaveBeenCalledTimes(1)
    })

    it('does not drop a fraction of a millisecond', () => {
      const callback = vi.fn()
      systemEnvironment.setTimer(99.5, callback)
      vi.advanceTimersByTime(99)
      expect(callback).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(callback).toHaveBeenCalledTimes(1)
    })

    it('calls back after weeks: longer than a timer of Node can be', () => {
      const callback = vi.fn()
      systemEnvironment.setTimer(60 * DAY_MS, callback)
      vi.advanceTimersByTime(60 * DAY_MS - 1)
      expect(callback).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(callback).toHaveBeenCalledTimes(1)
    })

    it('can be cancelled, also in the midst of weeks, and leaves nothing behind', () => {
      const callback = vi.fn()
      const short = systemEnvironment.setTimer(100, callback)
      const long = systemEnvironment.setTimer(60 * DAY_MS, callback)
      short.cancel()
      vi.advanceTimersByTime(30 * DAY_MS)
      long.cancel()
      expect(vi.getTimerCount()).toBe(0)
      vi.advanceTimersByTime(60 * DAY_MS)
      expect(callback).not.toHaveBeenCalled()
    })

    it('can be cancelled after it fired', () => {
      const timer = systemEnvironment.setTimer(1, () => undefined)
      vi.advanceTimersByTime(1)
      expect(() => {
        timer.cancel()
      }).not.toThrow()
    })
  })

  it('has a wall clock in milliseconds since the epoch', () => {
    const before = Date.now()
    const now = systemEnvironment.now()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })

  it('has a clock that never goes back', () => {
    const first = systemEnvironment.monotonic()
    expect(systemEnvironment.monotonic()).toBeGreaterThanOrEqual(first)
  })

  it('has random numbers from 0 up to but not 1', () => {
    const numbers = Array.from({ length: 100 }, () => systemEnvironment.random())
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(new Set(numbers).size).toBeGreaterThan(1)
  })

  it('calls back after all microtasks, also those that come of microtasks', async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      systemEnvironment.afterMicrotasks(() => {
        order.push('after')
        resolve()
      })
      void Promise.resolve()
        .then(() => order.push('first'))
        .then(() => order.push('second'))
        .then(() => order.push('third'))
    })
    expect(order).toEqual(['first', 'second', 'third', 'after'])
  })

  it('calls back after the turn under fake timers too', async () => {
    vi.useFakeTimers()
    const after = new Promise<void>((resolve) => {
      systemEnvironment.afterTurn(resolve)
    })
    vi.useRealTimers()
    await after
  })

  it('calls back after the turn of the event loop: after timers that are due together', async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        order.push('first')
        systemEnvironment.afterTurn(() => {
          order.push('after')
          resolve()
        })
      }, 1)
      setTimeout(() => order.push('second'), 1)
      const end = performance.now() + 5
      while (performance.now() < end) order.length = 0
    })
    expect(order).toEqual(['first', 'second', 'after'])
  })
})

describe('delay', () => {
  it('resolves after its time', async () => {
    const environment = new VirtualEnvironment()
    let isOver = false
    const over = delay(environment, 100).then(() => {
      isOver = true
    })
    await environment.advanceBy(99)
    expect(isOver).toBe(false)
    await environment.advanceBy(1)
    await over
    expect(isOver).toBe(true)
  })

  it('resolves at once when its signal was aborted before, without a timer', async () => {
    const environment = new VirtualEnvironment()
    await delay(environment, 100, AbortSignal.abort())
    expect(environment.pendingTimersCount).toBe(0)
  })

  it('resolves when its signal is aborted, and takes its timer along', async () => {
    const environment = new VirtualEnvironment()
    const controller = new AbortController()
    const over = delay(environment, 100, controller.signal)
    controller.abort()
    await over
    expect(environment.pendingTimersCount).toBe(0)
  })

  it('leaves no listener behind on its signal', async () => {
    const environment = new VirtualEnvironment()
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    const over = delay(environment, 100, signal)
    await environment.until(over)
    expect(removed).toHaveBeenCalledWith('abort', expect.any(Function))
  })
})
