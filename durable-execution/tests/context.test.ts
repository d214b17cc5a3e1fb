/** What a function is told of its place in a tree. */
import { describe, expect, it } from 'vitest'

import { childTask, type TaskRunContext } from '../src/index'
import { createWorld } from './support/world'

describe('a context', () => {
  it('tells root and parent at every depth, in finalizes and steps too', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const contexts = new Map<string, TaskRunContext>()
    const note = (context: TaskRunContext): void => {
      contexts.set(context.taskId, context)
    }
    const leaf = executor.task({ id: 'leaf', timeoutMs: 1000, run: note })
    const step = executor.task({ id: 'step', timeoutMs: 1000, run: note })
    const chain = executor.sequentialTasks('chain', [step])
    const inner = executor.parentTask({
      id: 'inner',
      timeoutMs: 1000,
      runParent: (context) => {
        note(context)
        return { output: 1, children: [childTask(chain), childTask(leaf)] }
      },
      finalize: { id: 'inner_end', timeoutMs: 1000, run: note },
    })
    const outer = executor.parentTask({
      id: 'outer',
      timeoutMs: 1000,
      runParent: (context) => {
        note(context)
        return { output: 1, children: [childTask(inner)] }
      },
      finalize: {
        id: 'outer_end',
        timeoutMs: 1000,
        runParent: (context) => {
          note(context)
          return { output: 1, children: [] }
        },
        finalize: { id: 'outer_end_end', timeoutMs: 1000, run: note },
      },
    })
    const handle = await executor.enqueueTask(outer)
    await world.until(handle.waitAndGetOutput())

    const root = { taskId: 'outer', executionId: handle.getExecutionId() }
    const idOf = (taskId: string): string | undefined =>
      world.storage.dump().find((row) => row.taskId === taskId)?.executionId
    const placeOf = (taskId: string) => {
      const { parent } = contexts.get(taskId) ?? {}
      return (
        parent && [
          parent.taskId,
          parent.executionId === idOf(parent.taskId),
          parent.indexInParentChildren,
          parent.isFinalizeOfParent,
        ]
      )
    }
    expect(contexts.size).toBe(7)
    for (const [taskId, context] of contexts) {
      expect(context.root).toEqual(root)
      expect(context.executionId).toBe(idOf(taskId))
    }
    expect(contexts.get('outer')).not.toHaveProperty('parent')
    expect(placeOf('inner')).toEqual(['outer', true, 0, false])
    expect(placeOf('leaf')).toEqual(['inner', true, 1, false])
    expect(placeOf('step')).toEqual(['chain', true, 0, false])
    expect(placeOf('inner_end')).toEqual(['inner', true, 0, true])
    expect(placeOf('outer_end')).toEqual(['outer', true, 0, true])
    expect(placeOf('outer_end_end')).toEqual(['outer_end', true, 0, true])
  })

  it('is told of an execution too', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: (ctx) => ctx.executionId })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [childTask(child)] }),
      finalize: ({ children: [only] }) => (only.status === 'completed' ? only.output : ''),
    })
    const handle = await executor.enqueueTask(parent)
    const childId = await world.until(handle.waitAndGetOutput())
    const childHandle = await executor.getTaskExecutionHandle(child, childId)
    await expect(childHandle.getExecution()).resolves.toMatchObject({
      root: { taskId: 'parent', executionId: handle.getExecutionId() },
      parent: {
        taskId: 'parent',
        executionId: handle.getExecutionId(),
        indexInParentChildren: 0,
        isFinalizeOfParent: false,
      },
    })
  })
})
