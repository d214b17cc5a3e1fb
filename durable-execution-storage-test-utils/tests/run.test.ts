/** Running the suite under any test runner. */
import { InMemoryTaskExecutionsStorage, type TaskExecutionsStorage } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import {
  childOf,
  conformanceCases,
  newExecution,
  runCase,
  runStorageTest,
  StorageConformanceError,
  type ConformanceCase,
} from '../src/index'
import { brokenStorage } from './faults/fault'
import { faults } from './faults/index'

const fewCases = conformanceCases.filter(({ verb }) => verb === 'renew')

async function failureOf(running: Promise<void>): Promise<StorageConformanceError> {
  try {
    await running
  } catch (error) {
    if (error instanceof StorageConformanceError) return error
    throw error
  }
  throw new Error('The suite found nothing')
}

describe('runStorageTest', () => {
  it('finds nothing wrong with the reference, also without a dump', async () => {
    await runStorageTest(() => new InMemoryTaskExecutionsStorage(), { model: { sequences: 2 } })
  })

  it('lists every failure by name', async () => {
    const fault = faults.find((candidate) => candidate.fault === 'a renewal shortens a lease')
    if (!fault) throw new Error('There is no such fault')
    const running = runStorageTest(() => brokenStorage(fault), {
      cases: fewCases,
      model: { seed: 5, sequences: 2, shrinkRuns: 5 },
    })
    const error = await failureOf(running)
    expect(error.failures.map(({ name }) => name)).toEqual([
      'renew: never shortens a lease',
      'does what the reference does (random sequence, seed 5)',
    ])
    expect(error.message).toContain("2 of the storage's promises are broken")
    expect(error.message).toContain('renew: never shortens a lease')
  })

  it('runs each part on a storage of its own, and closes it, also when it fails', async () => {
    const states: string[] = []
    const create = (): { storage: TaskExecutionsStorage; close: () => void } => {
      states.push('open')
      return {
        storage: new InMemoryTaskExecutionsStorage(),
        close: () => {
          states.push('closed')
        },
      }
    }
    const failing: ConformanceCase = {
      name: 'fails',
      verb: 'renew',
      run: () => Promise.reject(new Error('no')),
    }
    const model = { sequences: 1, operations: 5 }
    await failureOf(runStorageTest(create, { cases: [failing, failing], model }))
    expect(states).toEqual(['open', 'closed', 'open', 'closed', 'open', 'closed'])
  })

  it('reports a storage that cannot be opened', async () => {
    const running = runStorageTest(() => Promise.reject(new Error('no connection')), {
      cases: fewCases.slice(0, 1),
      model: { sequences: 0 },
    })
    expect((await failureOf(running)).message).toContain('no connection')
  })
})

describe('runCase', () => {
  const needy: ConformanceCase = {
    name: 'reads all rows',
    verb: 'insert',
    needs: ['rows'],
    run: () => Promise.resolve(),
  }

  it('leaves a case out that needs a dump where there is none', async () => {
    expect(await runCase(needy, () => new InMemoryTaskExecutionsStorage())).toBe(false)
    const storage = new InMemoryTaskExecutionsStorage()
    expect(await runCase(needy, () => ({ storage, dump: () => storage.dump() }))).toBe(true)
  })

  it('checks the invariants of all rows when the case is over', async () => {
    const storage = new InMemoryTaskExecutionsStorage()
    const careless: ConformanceCase = {
      name: 'leaves a child without its parent',
      verb: 'insert',
      run: async (context) => {
        const parent = newExecution({ executionId: 'p' })
        await context.insert([childOf(parent, 0, { executionId: 'c' })])
      },
    }
    await expect(runCase(careless, () => storage)).rejects.toThrow('has no row of its parent')
  })
})
