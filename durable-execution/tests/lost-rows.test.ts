/** Rows that should be there are not: what hangs on them ends, and says so (G4: no tree waits for what will not happen). */
import { describe, expect, it } from 'vitest'

import { childTask } from '../src/index'
import type { Fault, StorageConnection } from './support/storage-connection'
import { createWorld } from './support/world'

const LATER = { sleepMsBeforeRun: 500 }

/** A parent over children of several kinds, on an executor whose storage can be tampered with. */
async function startParent(world = createWorld()) {
  const { executor, connection } = await world.start()
  const child = executor.task({ id: 'child', timeoutMs: 1000, run: () => 1 })
  const parent = executor.parentTask({
    id: 'parent',
    timeoutMs: 1000,
    runParent: () => ({
      output: 1,
      children: [childTask(child), childTask(child, undefined, LATER)],
    }),
    finalize: () => 'end',
  })
  const bare = executor.parentTask({
    id: 'bare',
    timeoutMs: 1000,
    runParent: () => ({ output: 1, children: [childTask(child, undefined, LATER)] }),
  })
  const iteration = executor.task({
    id: 'iteration',
    timeoutMs: 1000,
    run: () => ({ isDone: true as const, output: 1 }),
  })
  const loop = executor.loopingTask('loop', iteration, 5)
  return { world, executor, connection, parent, bare, loop }
}

type Started = Awaited<ReturnType<typeof startParent>>

/**
 * A parent that began to wait for its children at an executor that is gone: the one that goes on knows nothing of them but what it
 * reads.
 */
async function startOrphan(name: 'parent' | 'bare') {
  const first = await startParent()
  const { world } = first
  const executionId = (await first.executor.enqueueTask(first[name])).getExecutionId()
  await world.environment.advanceBy(100)
  await world.until(first.executor.shutdown())
  const second: Started = await startParent(world)
  const handle = await second.executor.getTaskExecutionHandle(second[name], executionId)
  return { world, connection: second.connection, handle }
}

/** Changes what the storage answers. */
function answering(change: (answer: Record<string, unknown>) => Record<string, unknown>): Fault {
  return async (pass) => change((await pass()) as Record<string, unknown>) as never
}

/** Parents are resumed by who takes them over: who saw their last child end need not read it. */
function withoutHandOver(connection: StorageConnection): void {
  const handingNothingOver = answering((answer) => ({ ...answer, parents: [] }))
  connection.disturb('settle', handingNothingOver, { times: Infinity })
}

describe('a storage that has lost rows', () => {
  it('ends a parent whose finalize is not there, instead of letting it wait for ever', async () => {
    const { world, executor, connection, parent } = await startParent()
    withoutHandOver(connection)
    connection.disturb(
      'getChildren',
      answering((answer) => ({ ...answer, finalize: null })),
      {
        times: Infinity,
      },
    )
    const handle = await executor.enqueueTask(parent)
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({
      status: 'finalize_failed',
      error: { code: 'storage', isInternal: true },
    })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringContaining('waited for a finalize'),
    )
  })

  it('ends a chain whose steps are not there', async () => {
    const { world, executor, connection, loop } = await startParent()
    withoutHandOver(connection)
    connection.disturb(
      'getChildren',
      answering((answer) => ({ ...answer, children: [] })),
      {
        times: Infinity,
      },
    )
    const handle = await executor.enqueueTask(loop)
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { isInternal: true } })
    expect(execution).toHaveProperty('error.message', expect.stringContaining('has no step'))
  })

  it('ends a parent whose child is still active when it is resumed', async () => {
    const { world, connection, handle } = await startOrphan('bare')
    const isActive = (answer: Record<string, unknown>) => ({
      ...answer,
      children: (answer['children'] as object[]).map((row) => ({ ...row, status: 'running' })),
    })
    connection.disturb('getChildren', answering(isActive), { times: Infinity })
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { isInternal: true } })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringContaining('though its parent was resumed'),
    )
  })

  it('fails a finalize whose parent is not there', async () => {
    const { world, connection, handle } = await startOrphan('parent')
    connection.disturb(
      'get',
      answering((answer) => ({ ...answer, records: [null] })),
    )
    // Nobody waits yet: the first to ask for the parent is the run of its finalize.
    await world.environment.advanceBy(1000)
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { code: 'not_found' } })
  })
})
