import { describe, expect, it } from 'vitest'

import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import { DurableExecutionError } from '../errors'
import { createDeferred } from '../lib/deferred'
import { afterMicrotasks } from '../lib/environment'
import { StorageHeldUpError } from '../storage/held-up'
import { Batcher, type BatcherOptions } from './batcher'

const environment = new VirtualEnvironment()

/** Batches texts; each is answered by itself in capitals. */
function createBatcher(options: Partial<BatcherOptions<string, string>> = {}): {
  batcher: Batcher<string, string>
  batches: string[][]
} {
  const batches: string[][] = []
  const { flush = (items) => Promise.resolve(items.map((item) => item.toUpperCase())) } = options
  const batcher = new Batcher<string, string>({
    environment,
    maxItems: 100,
    maxBytes: 1000,
    sizeOf: (item) => item.length,
    ...options,
    flush: (items) => {
      batches.push([...items])
      return flush(items)
    },
  })
  return { batcher, batches }
}

function admitEachInitialOnce(): (item: string) => boolean {
  const initials = new Set<string>()
  return (item) => {
    const initial = item.slice(0, 1)
    if (initials.has(initial)) return false
    initials.add(initial)
    return true
  }
}

function addAll(batcher: Batcher<string, string>, items: readonly string[]): Promise<string[]> {
  return Promise.all(items.map((item) => batcher.add(item)))
}

describe('Batcher', () => {
  it('flushes at once what comes alone', async () => {
    const { batcher, batches } = createBatcher()
    const timers = environment.pendingTimersCount
    await expect(batcher.add('a')).resolves.toBe('A')
    expect(batches).toEqual([['a']])
    expect(environment.pendingTimersCount).toBe(timers)
  })

  it.each([
    { mayBringMore: true, expected: [['a', 'b']] },
    { mayBringMore: false, expected: [['a'], ['b']] },
  ])(
    'waits for the rest of the turn, where it may bring more ($mayBringMore)',
    async ({ mayBringMore, expected }) => {
      const { batcher, batches } = createBatcher({ mayBringMore: () => mayBringMore })
      const first = batcher.add('a')
      for (let tick = 0; tick < 10; tick += 1) await afterMicrotasks(environment)
      await Promise.all([first, batcher.add('b')])
      expect(batches).toEqual(expected)
    },
  )

  it('flushes together what comes in one turn, also after a few promises', async () => {
    const { batcher, batches } = createBatcher()
    const later = Promise.resolve()
      .then(() => undefined)
      .then(() => batcher.add('b'))
    await expect(Promise.all([batcher.add('a'), later])).resolves.toEqual(['A', 'B'])
    expect(batches).toEqual([['a', 'b']])
  })

  it('has one flush in flight, and flushes with the next what comes during it', async () => {
    const gate = createDeferred<void>()
    const { batcher, batches } = createBatcher({
      flush: async (items) => {
        await gate.promise
        return items
      },
    })
    const first = batcher.add('a')
    await environment.turn()
    const others = addAll(batcher, ['b', 'c'])
    await environment.turn()
    expect(batches).toEqual([['a']])
    expect(batcher.waitingCount).toBe(2)
    gate.resolve()
    await expect(first).resolves.toBe('a')
    await expect(others).resolves.toEqual(['b', 'c'])
    expect(batches).toEqual([['a'], ['b', 'c']])
    expect(batcher.waitingCount).toBe(0)
    expect(batcher.meanBatchSize).toBe(1.5)
  })

  it('has no mean size before the first flush', () => {
    expect(createBatcher().batcher.meanBatchSize).toBe(0)
  })

  it('takes no more items than allowed, in their order', async () => {
    const { batcher, batches } = createBatcher({ maxItems: 2 })
    await expect(addAll(batcher, ['a', 'b', 'c', 'd', 'e'])).resolves.toEqual([
      'A',
      'B',
      'C',
      'D',
      'E',
    ])
    expect(batches).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  })

  it('takes no more bytes than allowed; what is larger goes alone', async () => {
    const { batcher, batches } = createBatcher({ maxBytes: 4 })
    await addAll(batcher, ['aa', 'bb', 'c', 'dddddd', 'e'])
    expect(batches).toEqual([['aa', 'bb'], ['c'], ['dddddd'], ['e']])
  })

  it('leaves for the next what must not meet', async () => {
    const { batcher, batches } = createBatcher({
      createAdmission: admitEachInitialOnce,
    })
    await expect(addAll(batcher, ['a1', 'a2', 'b1', 'a3', 'b2'])).resolves.toEqual([
      'A1',
      'A2',
      'B1',
      'A3',
      'B2',
    ])
    expect(batches).toEqual([['a1', 'b1'], ['a2', 'b2'], ['a3']])
  })

  it('keeps the order of what is left, also behind the limit', async () => {
    const { batcher, batches } = createBatcher({
      maxItems: 2,
      createAdmission: admitEachInitialOnce,
    })
    await addAll(batcher, ['a1', 'a2', 'b1', 'c1', 'c2'])
    expect(batches).toEqual([['a1', 'b1'], ['a2', 'c1'], ['c2']])
  })

  it.each([
    ['is refused for good', DurableExecutionError.nonRetryable('invalid byte')],
    ['an open transaction holds up', new StorageHeldUpError('held')],
  ])('splits what %s until the culprit stands alone', async (_, refusal) => {
    const { batcher, batches } = createBatcher({
      flush: (items) => (items.includes('bad') ? Promise.reject(refusal) : Promise.resolve(items)),
    })
    const added = ['a', 'b', 'bad', 'c', 'd'].map((item) => batcher.add(item))
    const outcomes = await Promise.allSettled(added)
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    expect(outcomes[2]).toMatchObject({ reason: refusal })
    // The order is kept, and nothing is stored twice.
    const stored = batches.filter((batch) => !batch.includes('bad')).flat()
    expect(stored).toEqual(['a', 'b', 'c', 'd'])
  })

  it('lets the next batch go before what becomes of an item that failed', async () => {
    const rescue = createDeferred<string>()
    const { batcher } = createBatcher({
      flush: (items) =>
        items.includes('bad') ? Promise.reject(new Error('no')) : Promise.resolve(items),
      failed: () => rescue.promise,
    })
    const bad = batcher.add('bad')
    await environment.turn()
    await expect(batcher.add('next')).resolves.toBe('next')
    rescue.resolve('rescued')
    await expect(bad).resolves.toBe('rescued')
  })

  it('fails a batch as a whole for what is no refusal', async () => {
    const { batcher, batches } = createBatcher({
      flush: () => Promise.reject(new Error('shut down')),
    })
    const outcomes = await Promise.allSettled([batcher.add('a'), batcher.add('b')])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(batches).toHaveLength(1)
  })

  it('goes on after a flush that failed', async () => {
    let isBroken = true
    const { batcher } = createBatcher({
      flush: (items) => (isBroken ? Promise.reject(new Error('no')) : Promise.resolve(items)),
    })
    await expect(batcher.add('a')).rejects.toThrow('no')
    isBroken = false
    await expect(batcher.add('b')).resolves.toBe('b')
  })

  it('fails what a flush left unanswered, instead of waiting for ever', async () => {
    const { batcher } = createBatcher({ flush: () => Promise.resolve(['A']) })
    const outcomes = await Promise.allSettled([batcher.add('a'), batcher.add('b')])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  describe('whenStored', () => {
    it('resolves at once when nothing is under way', async () => {
      await expect(createBatcher().batcher.whenStored()).resolves.toBeUndefined()
    })

    it('resolves when what is in flight and what waits is stored or refused', async () => {
      const gates = [createDeferred<void>(), createDeferred<void>()]
      let flushes = 0
      const { batcher } = createBatcher({
        flush: async (items) => {
          await gates[(flushes += 1) - 1]?.promise
          if (items.includes('bad')) throw new Error('no')
          return items
        },
      })
      void batcher.add('a')
      await environment.turn()
      const refused = batcher.add('bad').catch(() => undefined)
      let isStored = false
      const stored = batcher.whenStored().then(() => {
        isStored = true
      })
      gates[0]?.resolve()
      await environment.turn()
      expect(isStored).toBe(false)
      gates[1]?.resolve()
      await Promise.all([stored, refused])
    })

    it('does not wait for what is added later: under load there is always more', async () => {
      const { batcher } = createBatcher({
        flush: async (items) => {
          await environment.turn()
          // There is more before this flush ends, for ever.
          if (isLoaded) void batcher.add('more')
          return items
        },
      })
      let isLoaded = true
      void batcher.add('a')
      await environment.turn()
      await batcher.whenStored()
      isLoaded = false
      await batcher.whenStored()
    })
  })
})
