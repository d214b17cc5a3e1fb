import { EventEmitter } from 'node:events'

import { describe, expect, it } from 'vitest'

import { Suspects } from '../suspects'
import { unlessAborted } from './driver'
import { PoolUse, type ConnectionPool } from './node-postgres-pool'

type Receive = Parameters<ConnectionPool['connect']>[0]

/** A connection that notes how it was given back. */
class FakeClient extends EventEmitter {
  readonly released: ('given back' | 'destroyed')[] = []

  query(): never {
    throw new Error('Not asked for')
  }

  release(destroy = false): void {
    this.released.push(destroy ? 'destroyed' : 'given back')
  }
}

/** A pool whose connections come when the test says so. */
class FakePool extends EventEmitter {
  readonly _pendingQueue: { readonly callback: Receive }[] = []
  readonly suspects = new Suspects()

  connect(callback: Receive): void {
    this._pendingQueue.push({ callback })
  }

  /** The first that waits gets this. */
  async hand(client: FakeClient): Promise<void> {
    this._pendingQueue.shift()?.callback(undefined, client)
    await afterAll()
  }

  /** A call that a test ends, and can give up. */
  use() {
    const use = new PoolUse(this, this.suspects)
    const controller = new AbortController()
    const seen = { client: null as unknown, became: 'under way' }
    let end: (error?: Error) => void = () => undefined
    const run = use.run((client) => {
      seen.client = client
      return new Promise<string>((resolve, reject) => {
        end = (error) => {
          if (error) reject(error)
          else resolve('answered')
        }
      })
    })
    unlessAborted(run, controller.signal, () => {
      use.giveUp()
    }).then(
      (answer) => (seen.became = answer),
      (error: unknown) => (seen.became = String(error)),
    )
    return {
      seen,
      giveUp: async () => {
        controller.abort()
        await afterAll()
      },
      end: async (error?: Error) => {
        end(error)
        await afterAll()
      },
    }
  }
}

function afterAll(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

const GIVEN_UP = 'DurableExecutionError: The call to the database was given up'

describe('a use of a pool of pg', () => {
  it('gives the connection back, with nobody who listens to its errors', async () => {
    const pool = new FakePool()
    const client = new FakeClient()
    const { seen, end } = pool.use()
    await pool.hand(client)
    expect(seen.client).toBe(client)
    expect(client.listenerCount('error')).toBe(1)
    await end()
    expect(seen.became).toBe('answered')
    expect(client.released).toEqual(['given back'])
    expect(client.listenerCount('error')).toBe(0)
  })

  it('gives it back after a refusal, and destroys it where the connection is gone', async () => {
    const pool = new FakePool()
    const refusing = new FakeClient()
    const first = pool.use()
    await pool.hand(refusing)
    await first.end(Object.assign(new Error('syntax error'), { code: '42601' }))
    expect(first.seen.became).toBe('Error: syntax error')
    expect(refusing.released).toEqual(['given back'])
    const broken = new FakeClient()
    const second = pool.use()
    await pool.hand(broken)
    await second.end(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    expect(second.seen.became).toBe('Error: reset')
    expect(broken.released).toEqual(['destroyed'])
    expect(broken.listenerCount('error')).toBe(1)
  })

  it('leaves the line when it is given up while it waits', async () => {
    const pool = new FakePool()
    const other = pool.use()
    const { seen, giveUp } = pool.use()
    await giveUp()
    expect(seen.became).toBe(GIVEN_UP)
    expect(pool._pendingQueue).toHaveLength(1)
    const client = new FakeClient()
    await pool.hand(client)
    expect(other.seen.client).toBe(client)
  })

  it('gives back what comes after it was given up', async () => {
    const pool = new FakePool()
    const { seen, giveUp } = pool.use()
    const [waiting] = pool._pendingQueue
    await giveUp()
    const client = new FakeClient()
    waiting?.callback(undefined, client)
    await afterAll()
    expect(seen.client).toBeNull()
    expect(client.released).toEqual(['given back'])
    expect(client.listenerCount('error')).toBe(0)
  })

  it('sends nothing when it is given up in the moment in which the connection comes', async () => {
    const pool = new FakePool()
    const { seen, giveUp } = pool.use()
    const client = new FakeClient()
    pool._pendingQueue.shift()?.callback(undefined, client)
    await giveUp()
    expect(seen).toEqual({ client: null, became: GIVEN_UP })
    expect(client.released).toEqual(['given back'])
  })

  it('destroys a connection that hangs, and those that have answered nothing since', async () => {
    const pool = new FakePool()
    const hanging = new FakeClient()
    const { seen, giveUp, end } = pool.use()
    await pool.hand(hanging)
    const answering = new FakeClient()
    const beside = pool.use()
    await pool.hand(answering)
    await beside.end()
    await giveUp()
    expect(seen.became).toBe(GIVEN_UP)
    expect(hanging.released).toEqual(['destroyed'])
    expect(hanging.listenerCount('error')).toBe(1)
    const idle = new FakeClient()
    const next = pool.use()
    await pool.hand(idle)
    expect(idle.released).toEqual(['destroyed'])
    await pool.hand(answering)
    expect(next.seen.client).toBe(answering)
    await end()
    expect(hanging.released).toEqual(['destroyed'])
  })

  it('says why there is no connection', async () => {
    const pool = new FakePool()
    const { seen } = pool.use()
    pool._pendingQueue.shift()?.callback(new Error('too many'), undefined)
    await afterAll()
    expect(seen.became).toBe('Error: too many')
  })
})
