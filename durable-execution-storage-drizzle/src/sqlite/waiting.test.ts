import { DurableExecutionError, type Environment } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { Line, lineOf, untilFree } from './waiting'

/** Time that passes only in pauses, which all end at once. */
function virtualTime(): { environment: Environment; pauses: number[] } {
  let now = 0
  const pauses: number[] = []
  const environment: Environment = {
    now: () => now,
    monotonic: () => now,
    random: () => 0.5,
    setTimer(ms, callback) {
      pauses.push(ms)
      now += ms
      queueMicrotask(callback)
      return { cancel: () => undefined }
    },
    afterMicrotasks: queueMicrotask,
    afterTurn: queueMicrotask,
  }
  return { environment, pauses }
}

const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })

describe('untilFree', () => {
  it('begins the first try before it returns, and pauses no more than needed', async () => {
    const { environment, pauses } = virtualTime()
    let tries = 0
    const answer = untilFree(() => (tries += 1), { environment, until: 1000 })
    expect(tries).toBe(1)
    expect(await answer).toBe(1)
    expect(pauses).toStrictEqual([])
  })

  it('tries again while the database is busy, after growing pauses', async () => {
    const { environment, pauses } = virtualTime()
    let tries = 0
    const answer = await untilFree(
      () => {
        tries += 1
        if (tries < 9) throw busy
        return 'free'
      },
      { environment, until: 1000 },
    )
    expect(answer).toBe('free')
    expect(pauses).toStrictEqual([3, 6, 12, 24, 48, 75, 75, 75])
  })

  it('fails with what the database said when it has waited long enough', async () => {
    const { environment, pauses } = virtualTime()
    const answer = untilFree(() => Promise.reject(busy), { environment, until: 500 })
    await expect(answer).rejects.toBe(busy)
    expect(environment.monotonic()).toBeLessThanOrEqual(500)
    expect(pauses.length).toBeGreaterThan(5)
  })

  it('does not try again what cannot succeed, or may have', async () => {
    const { environment } = virtualTime()
    for (const code of ['SQLITE_CONSTRAINT', 'SQLITE_FULL', 'SQLITE_IOERR']) {
      let tries = 0
      const failure = Object.assign(new Error('no'), { code })
      const answer = untilFree(
        () => {
          tries += 1
          throw failure
        },
        { environment, until: 1000 },
      )
      await expect(answer).rejects.toBe(failure)
      expect(tries).toBe(1)
    }
  })

  it('stops when the caller gives up, and does not begin after that', async () => {
    const { environment } = virtualTime()
    const { signal, abort } = abortable()
    let tries = 0
    const attempt = (): never => {
      tries += 1
      if (tries === 3) abort()
      throw busy
    }
    const waiting = { environment, until: 1000, signal }
    await expect(untilFree(attempt, waiting)).rejects.toMatchObject({ isRetryable: true })
    expect(tries).toBe(3)
    await expect(untilFree(attempt, waiting)).rejects.toBeInstanceOf(DurableExecutionError)
    expect(tries).toBe(3)
  })
})

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    abort: () => {
      controller.abort()
    },
  }
}

describe('Line', () => {
  it('lets one call in at a time, in their order, whatever becomes of them', async () => {
    const line = new Line()
    const seen: string[] = []
    const ends: (() => void)[] = []
    const call = (name: string) =>
      line.join(async () => {
        seen.push(`${name} begins`)
        await new Promise<void>((resolve) => {
          ends.push(resolve)
        })
        seen.push(`${name} ends`)
        if (name === 'b') throw new Error('b fails')
        return name
      })
    const calls = ['a', 'b', 'c'].map((name) => call(name).catch((error: unknown) => error))
    expect(seen).toStrictEqual(['a begins'])
    while (seen.length < 6) {
      ends.shift()?.()
      await Promise.resolve()
    }
    expect(seen).toStrictEqual(
      ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    )
    expect(await Promise.all(calls)).toStrictEqual(['a', new Error('b fails'), 'c'])
  })

  it('is one for each client', () => {
    const [a, b] = [{}, {}]
    expect(lineOf(a)).toBe(lineOf(a))
    expect(lineOf(a)).not.toBe(lineOf(b))
  })
})
