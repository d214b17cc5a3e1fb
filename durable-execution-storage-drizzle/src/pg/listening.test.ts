import type { Environment, StorageListener, StorageSubscription } from 'durable-execution'
import { beforeEach, describe, expect, it } from 'vitest'

import type { Driver, Ear, EarOptions, Query } from './driver'
import { Hints } from './hints'
import { Listening } from './listening'
import { Outbox } from './outbox'

/** Time that a test moves. */
class ManualTime implements Environment {
  private elapsed = 0
  private timers: { at: number; callback: () => void }[] = []

  now(): number {
    return this.elapsed
  }

  monotonic(): number {
    return this.elapsed
  }

  random(): number {
    return 0
  }

  setTimer(ms: number, callback: () => void): { cancel: () => void } {
    const timer = { at: this.elapsed + ms, callback }
    this.timers.push(timer)
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer)
      },
    }
  }

  afterMicrotasks(callback: () => void): void {
    queueMicrotask(callback)
  }

  afterTurn(callback: () => void): void {
    queueMicrotask(callback)
  }

  async pass(ms: number): Promise<void> {
    const until = this.elapsed + ms
    await turn()
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
      if (!next) break
      this.timers = this.timers.filter((other) => other !== next)
      this.elapsed = Math.max(this.elapsed, next.at)
      next.callback()
      await turn()
    }
    this.elapsed = until
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

const HANGS = new Promise<never>(() => {
  // Never.
})

/** What the connections do that a test opens. */
interface Behavior {
  opens: (options: EarOptions) => Promise<Ear>
  answers: (query: Query) => Promise<(string | null)[][]>
  answersOverPool: (query: Query) => Promise<(string | null)[][]>
}

describe('listening', () => {
  let time: ManualTime
  let behavior: Behavior
  let openings: number[]
  let closings: number
  let told: unknown[]
  let useless: string[]
  let listening: Listening

  const listener: StorageListener = {
    onDue: (queues) => told.push(queues),
    onFinished: (ids) => told.push(ids),
    onCancelled: (ids) => told.push(ids),
    onListening: (isListening) => told.push(isListening),
  }

  beforeEach(() => {
    time = new ManualTime()
    openings = []
    closings = 0
    told = []
    useless = []
    behavior = {
      answers: () => Promise.resolve([['channel']]),
      answersOverPool: () => Promise.resolve([['channel']]),
      opens: () =>
        Promise.resolve({
          isDirect: true,
          query: (query) => behavior.answers(query),
          close: () => {
            closings += 1
            return Promise.resolve()
          },
        }),
    }
    const driver: Pick<Driver, 'openEar'> = {
      openEar: (options) => {
        openings.push(time.monotonic())
        return behavior.opens(options)
      },
    }
    listening = new Listening({
      driver: driver as Driver,
      environment: time,
      query: (query) => behavior.answersOverPool(query),
      channelQuery: { text: '', params: [], name: null },
      onUseless: (why) => useless.push(why),
      onAwaitFinished: () => undefined,
    })
  })

  function subscribe(): StorageSubscription {
    return listening.subscribe(listener)
  }

  it('ends when it is closed while it asks for the channel', async () => {
    let answer = (_rows: string[][]): void => undefined
    behavior.answersOverPool = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const subscription = listening.subscribe(listener)
    await time.pass(0)
    let isClosed = false
    const closing = subscription.close().then(() => {
      isClosed = true
    })
    answer([['channel']])
    await time.pass(60_000)
    expect(isClosed).toBe(true)
    await closing
    expect(openings).toEqual([])
  })

  it('opens one connection for all who subscribe, and closes it with the last', async () => {
    const subscriptions = [subscribe(), subscribe()]
    await time.pass(1)
    expect([openings.length, told]).toEqual([1, [true, true]])
    await subscriptions[0]?.close()
    expect(closings).toBe(0)
    await subscriptions[1]?.close()
    expect([openings.length, closings]).toEqual([1, 1])
    await time.pass(100_000)
    expect(openings).toHaveLength(1)
  })

  it('opens another connection when the one it has hangs', async () => {
    const subscription = subscribe()
    await time.pass(1)
    behavior.answers = () => HANGS
    await time.pass(14_900)
    expect(told).toEqual([true])
    behavior.answers = () => Promise.resolve([['channel']])
    await time.pass(1000)
    expect([told, closings]).toEqual([[true, false, true], 1])
    await subscription.close()
  })

  it('opens another connection when a notification cannot be sent by the one it has', async () => {
    const subscription = subscribe()
    await time.pass(1)
    behavior.answers = () => HANGS
    const sent = listening.send('payload')
    await time.pass(5001)
    expect(await sent).toBe(true)
    expect(told).toEqual([true, false])
    await subscription.close()
  })

  it('listens to the table that is there, also when it was made anew', async () => {
    const subscription = subscribe()
    await time.pass(1)
    behavior.answers = () => Promise.resolve([['another channel']])
    await time.pass(10_000)
    expect(told).toEqual([true, false])
    await subscription.close()
  })

  it('tries again while the database is away, less and less often', async () => {
    behavior.opens = () => Promise.reject(new Error('Connection refused'))
    const subscription = subscribe()
    await time.pass(60_000)
    expect(openings.length).toBeGreaterThan(8)
    expect(openings.length).toBeLessThan(20)
    expect([told, useless]).toEqual([[], []])
    await subscription.close()
  })

  it('gives an opening up that hangs, and when nobody subscribes any more', async () => {
    const signals: AbortSignal[] = []
    behavior.opens = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signals.push(signal)
        signal.addEventListener('abort', () => {
          reject(new Error('given up'))
        })
      })
    const subscription = subscribe()
    await time.pass(6000)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    await subscription.close()
    expect(signals[1]?.aborted).toBe(true)
  })

  it('says that it is useless where a pooler keeps notifications back, and tries again much later', async () => {
    const { opens } = behavior
    behavior.opens = async (options) => ({ ...(await opens(options)), isDirect: false })
    const subscription = subscribe()
    await time.pass(60_000)
    expect([openings.length, useless.length, told]).toEqual([1, 1, []])
    behavior.opens = opens
    await time.pass(300_000)
    expect(told).toEqual([true])
    await subscription.close()
  })

  it('knows while it hears whether anybody waits, and thinks so while it does not', async () => {
    const heard: ((payload: string) => void)[] = []
    const { opens } = behavior
    behavior.opens = (options) => {
      heard.push(options.onPayload)
      return opens(options)
    }
    expect(listening.isAwaited).toBe(true)
    const subscription = subscribe()
    await time.pass(4000)
    expect(listening.isAwaited).toBe(true)
    await time.pass(2000)
    expect(listening.isAwaited).toBe(false)
    heard[0]?.('{"w":1}')
    expect(listening.isAwaited).toBe(true)
    await subscription.close()
  })
})

describe('the outbox', () => {
  it('sends the first hints at once, and what comes meanwhile together, one notification in 10 ms', async () => {
    const time = new ManualTime()
    const sent: [number, string][] = []
    const outbox = new Outbox(time, (payload) => {
      sent.push([time.monotonic(), payload])
      return Promise.resolve()
    })
    for (let index = 0; index < 25; index += 1) {
      const hints = new Hints()
      hints.note({ finished: [`e${index}`] })
      outbox.add(hints)
      await time.pass(1)
    }
    await time.pass(100)
    expect(sent.map(([at]) => at)).toEqual([0, 10, 20, 30])
    expect(
      sent
        .map(([, payload]) => payload)
        .join('')
        .match(/e\d+/g),
    ).toHaveLength(25)
  })
})
