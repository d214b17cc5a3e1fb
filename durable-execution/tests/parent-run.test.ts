/** What the function of a parent returns: checked, and refused as a whole if anything in it is wrong. */
import { describe, expect, it } from 'vitest'

import type { DurableExecutorOptions, ParentRun } from '../src/index'
import { createWorld } from './support/world'

/** Runs a parent without types: `runParent` returns what the test says. */
async function runParentReturning(value: unknown, options: DurableExecutorOptions = {}) {
  const world = createWorld()
  const { executor } = await world.start(options)
  const child = executor.task({ id: 'child', timeoutMs: 1000, run: (_ctx, n: unknown) => n })
  const resolved: unknown =
    typeof value === 'function' ? (value as (c: unknown) => unknown)(child) : value
  const parent = executor.parentTask({
    id: 'parent',
    timeoutMs: 1000,
    retryOptions: { maxAttempts: 2 },
    runParent: () => resolved as ParentRun<unknown, []>,
  })
  const handle = await executor.enqueueTask(parent)
  const execution = await world.until(handle.waitAndGetFinishedExecution())
  return { world, execution, rows: world.storage.dump() }
}

describe('what a parent returns', () => {
  const many = (count: number) => (child: unknown) => ({
    output: 1,
    children: Array.from({ length: count }, () => ({ task: child, input: 1 })),
  })

  it('may have as many children as allowed, and no more', async () => {
    const options = { maxChildrenPerTaskExecution: 5 }
    const fits = await runParentReturning(many(5), options)
    expect(fits.execution.status).toBe('completed')
    const { execution, rows } = await runParentReturning(many(6), options)
    expect(execution).toMatchObject({ status: 'failed', attempt: 0 })
    expect(execution).toHaveProperty(
      'error.message',
      'Invalid run of parent task parent: it returned 6 children, of which 5 are allowed; nest parents, or raise maxChildrenPerTaskExecution',
    )
    expect(rows).toHaveLength(1)
  })

  it.each([
    ['nothing', undefined, /it returned undefined, expected \{ output, children/],
    ['null', null, /it returned null/],
    ['text', 'children', /it returned "children"/],
    ['no children', { output: 1 }, /it returned \{"output":1\}/],
    ['children that are no list', { output: 1, children: {} }, /expected \{ output, children/],
    [
      'a child that is nothing',
      { output: 1, children: [undefined] },
      /child 0 is undefined, expected childTask/,
    ],
    ['a child that is text', { output: 1, children: ['child'] }, /child 0 is "child"/],
    ['a child without a task', { output: 1, children: [{ input: 1 }] }, /child 0 is \{"input":1\}/],
    ['a child of an odd task', { output: 1, children: [{ task: { id: 5 } }] }, /child 0 is/],
    [
      'a child of an unknown task',
      { output: 1, children: [{ task: { id: 'who' } }] },
      /^Task who not found/,
    ],
    [
      'a child with a wrong option',
      (task: unknown) => ({ output: 1, children: [{ task, options: { timeoutMs: -1 } }] }),
      /^Invalid timeout value for task child/,
    ],
    [
      'a child with wrong retry options',
      (task: unknown) => ({
        output: 1,
        children: [{ task, options: { retryOptions: { jitter: 7 } } }],
      }),
      /^Invalid retry options for task child: jitter/,
    ],
    [
      'a child with options that are none',
      (task: unknown) => ({ output: 1, children: [{ task, options: 5 }] }),
      /^Invalid options for task child/,
    ],
  ])('fails it at once and for good if it is %s', async (_name, value, message) => {
    const { execution, rows } = await runParentReturning(value)
    expect(execution).toMatchObject({ status: 'failed', attempt: 0, error: { isRetryable: false } })
    expect(execution).toHaveProperty('error.message', expect.stringMatching(message))
    expect(rows).toHaveLength(1)
  })
})
