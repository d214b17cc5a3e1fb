/** The model test: what its sequences bring about, and what it finds. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { ModelDifferenceError, type StorageUnderTest } from '../src/index'
import {
  findUncovered,
  modelOptionsFrom,
  resolveModelOptions,
  runSequence,
  seedsOf,
} from '../src/model'
import { operationsOf } from '../src/model/operation'
import { brokenStorage, rowsOf } from './faults/fault'
import { verbFaults } from './faults/index'

const SEEDS = seedsOf(resolveModelOptions())

/** Faults of texts, sizes and odd ids, and of how far a single prune goes: matters of the cases. */
const NOT_FOUND_BY_THE_MODEL =
  /texts|characters|null|32 bits|fractions|without regard|begin alike|pattern|only begin|prune knows no limit|another clock|forgets|batch with/

/** Runs the default sequences until one finds a difference. */
async function firstFailure(create: () => StorageUnderTest): Promise<ModelDifferenceError | null> {
  for (const seed of SEEDS) {
    try {
      await runSequence(create, seed)
    } catch (error) {
      if (error instanceof ModelDifferenceError) return error
      throw error
    }
  }
  return null
}

function inMemory(): StorageUnderTest {
  const storage = new InMemoryTaskExecutionsStorage()
  return { storage, dump: () => storage.dump() }
}

describe('the default sequences', () => {
  it('bring about every outcome of every verb and every status', async () => {
    expect(await findUncovered(inMemory)).toEqual([])
  })

  it('need not bring about everything when they are few', async () => {
    expect(await findUncovered(inMemory, { sequences: 1, operations: 5 })).not.toEqual([])
  })

  it('compare a storage that lacks a dump by the ids they know', async () => {
    await runSequence(() => new InMemoryTaskExecutionsStorage(), 1)
  })

  it('do not depend on which of several rows due at the same moment is taken', async () => {
    const create = (): StorageUnderTest => {
      const storage = new InMemoryTaskExecutionsStorage()
      const rows = rowsOf(storage)
      const due = rows.due.bind(rows)
      rows.due = (queue, from, until) =>
        due(queue, from, until)
          .reverse()
          .sort((a, b) => (a.claimAt ?? 0) - (b.claimAt ?? 0))
      return { storage, dump: () => storage.dump() }
    }
    expect(await firstFailure(create)).toBeNull()
  })
})

describe('a seed', () => {
  it('determines the operations', () => {
    expect(operationsOf(7, 50)).toEqual(operationsOf(7, 50))
    expect(operationsOf(7, 50)).not.toEqual(operationsOf(8, 50))
  })

  it('determines what is found', async () => {
    const [fault] = verbFaults
    if (!fault) throw new Error('There are no faults')
    const messages = [
      (await firstFailure(() => brokenStorage(fault)))?.message,
      (await firstFailure(() => brokenStorage(fault)))?.message,
    ]
    expect(messages[0]).toBeTypeOf('string')
    expect(messages[0]).toBe(messages[1])
  })
})

describe('the model test', () => {
  const found = verbFaults.filter(({ fault }) => !NOT_FOUND_BY_THE_MODEL.test(fault))
  it.each(found.map((fault) => [fault.fault, fault] as const))(
    'finds in a short sequence that %s',
    async (_, fault) => {
      const error = await firstFailure(() => brokenStorage(fault))
      expect(error?.message).toMatch(/of seed \d+, .+ is not that of the reference/)

      expect(error?.difference.calls.length).toBeLessThanOrEqual(15)
    },
    60_000,
  )
})

describe('environment variables', () => {
  it('say how many sequences there are, how long, and with which seeds', () => {
    const variables = { TEST_SEED: '7', TEST_SEQUENCES: '3', TEST_OPERATIONS: '500' }
    expect(modelOptionsFrom(variables)).toEqual({ seed: 7, sequences: 3, operations: 500 })
    const options = resolveModelOptions(modelOptionsFrom({ TEST_SEQUENCES: '' }))
    expect(options).toEqual(resolveModelOptions())
  })

  it('are refused unless they are whole numbers', () => {
    const read = (): unknown => modelOptionsFrom({ TEST_SEQUENCES: 'many' })
    expect(read).toThrow('Invalid TEST_SEQUENCES: expected a whole number, got "many"')
  })
})
