/** What an executor is given to talk to, when it misbehaves: loggers, listeners; and a storage that is asked for the impossible. */
import { describe, expect, it, vi } from 'vitest'

import { InMemoryTaskExecutionsStorage, settlementOf, transitions } from '../src/index'
import { createNewExecution, createRecord, createStoredError } from './support/records'
import { createHostile, expectRefusal, untyped } from './support/refusals'
import { createWorld } from './support/world'

const claimant = { executorId: 'executor', leaseMs: 1000 }

describe('the storage in memory', () => {
  const settle = async (...executionIds: [id: string, parentId?: string][]): Promise<unknown> => {
    const storage = new InMemoryTaskExecutionsStorage()
    const settlements = executionIds.map(([executionId, parentId]) => {
      const parent =
        parentId === undefined
          ? null
          : { taskId: 'task', executionId: parentId, indexInParent: 0, isFinalize: false }
      const record = createRecord({ executionId, parent })
      return settlementOf(record, transitions.complete(record, null))
    })
    return storage
      .settle({ ...claimant, settlements, handOver: null })
      .catch((error: unknown) => error)
  }
  const common = { code: 'storage', begins: 'A batch of settlements holds ' } as const

  it.each<[name: string, batch: [id: string, parentId?: string][], ends: string]>([
    ['an execution twice', [['a'], ['a']], 'execution a twice: settle them in separate calls'],
    [
      'one among others twice',
      [['a'], ['b'], ['a']],
      'execution a twice: settle them in separate calls',
    ],
    [
      'a child with its parent',
      [['a', 'p'], ['p']],
      'execution a together with its parent p: settle them in separate calls',
    ],
    [
      'a parent with its child',
      [['p'], ['a', 'p']],
      'execution a together with its parent p: settle them in separate calls',
    ],
    [
      'an execution that is its own parent',
      [['a', 'a']],
      'execution a together with its parent a: settle them in separate calls',
    ],
  ])('refuses to settle a batch that holds %s', async (_name, batch, ends) => {
    const error = await settle(...batch)
    expectRefusal(error, common, ends)
    expect(error).toMatchObject({ isInternal: true })
  })

  it.each([false, true])(
    'inserts an execution that comes twice once, all or nothing: %s',
    async (allOrNothing) => {
      const storage = new InMemoryTaskExecutionsStorage()
      const executions = [createNewExecution(), createNewExecution()]
      const { outcomes } = await storage.insert({ ...claimant, executions, allOrNothing })
      expect(outcomes).toMatchObject([
        { kind: allOrNothing ? 'skipped' : 'inserted' },
        { kind: 'exists', conflict: 'execution_id' },
      ])
      expect(storage.dump()).toHaveLength(allOrNothing ? 0 : 1)
    },
  )

  it('answers for claims that come twice as it would one after the other', async () => {
    const storage = new InMemoryTaskExecutionsStorage({ now: () => 0 })
    await storage.insert({ ...claimant, executions: [createNewExecution({ start: 'claimed' })] })
    const claims = [0, 1].map(() => ({ executionId: 'te_1', claimCount: 1, dueInMs: 0 }))
    const executionIds = ['te_1', 'te_1']
    const error = createStoredError({ errorType: 'cancelled', code: 'cancelled' })
    await expect(storage.renew({ claims, leaseMs: 1000 })).resolves.toMatchObject({
      outcomes: ['renewed', 'renewed'],
    })
    await expect(storage.release({ claims })).resolves.toMatchObject({
      outcomes: ['applied', 'repeated'],
    })
    await expect(storage.cancel({ executionIds, error })).resolves.toMatchObject({
      outcomes: ['cancelled', 'cancelled'],
    })
  })
})

describe('a logger or a listener', () => {
  const reject = (): Promise<never> => Promise.reject(new Error('disk full'))
  const throwHostile = (): never => {
    throw createHostile() as Error
  }
  const silent = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const everywhere = (log: () => unknown) => ({ debug: log, info: log, warn: log, error: log })

  // A rejection that nobody hears would end the process, and fails the test run.
  it.each([
    ['whose listener fails later', { onEvent: reject }],
    ['whose listener throws what refuses everything', { onEvent: throwHostile }],
    ['whose logger fails later', { logger: everywhere(reject) }],
    ['whose logger throws what refuses everything', { logger: everywhere(throwHostile) }],
    ['of which both fail', { logger: everywhere(reject), onEvent: reject }],
  ])('%s changes nothing', async (_name, options) => {
    const world = createWorld()
    const { executor } = world.add(untyped({ logger: silent, logLevel: 'debug', ...options }))
    await world.until(executor.start())
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 'done' })
    const handle = await executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('done')
    await world.until(executor.shutdown())
  })

  it('that fails later is told', async () => {
    const error = vi.fn()
    const world = createWorld()
    const { executor } = world.add(untyped({ logger: { ...silent, error }, onEvent: reject }))
    await world.until(executor.start())
    expect(error).toHaveBeenCalledWith('onEvent failed on executor_started: disk full')
  })
})
