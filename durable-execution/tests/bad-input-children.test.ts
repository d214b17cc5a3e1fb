/** What parents return: wrong children end in the parent's own row, and none of them is stored. */
import { describe, expect, it, vi } from 'vitest'

import { retryOptions, runTask, timeoutMs, type Kit, type Row } from './support/endings'
import {
  createCycle,
  createHostile,
  expectRefusal,
  untyped,
  untypedChildTask,
  type Common,
} from './support/refusals'

describe('a parent that returns', () => {
  /** Its function is called once, and no child is stored. */
  function itFails(common: Common, rows: readonly Row[]): void {
    it.each(rows)('%s', async (_name, makeValue, ends) => {
      const runParent = vi.fn()
      const { execution, rows: stored } = await runTask((kit) => {
        runParent.mockImplementation(() => makeValue(kit))
        return kit.executor.parentTask({ id: 'sum', timeoutMs, retryOptions, runParent })
      })
      expect(execution).toMatchObject({ status: 'failed', attempt: 0 })
      expectRefusal(untyped<{ error: unknown }>(execution).error, common, ends)
      expect(runParent).toHaveBeenCalledTimes(1)
      expect(stored).toHaveLength(1)
    })
  }
  const withChild = (makeChild: (kit: Kit) => unknown) => (kit: Kit) => ({
    output: 1,
    children: [untypedChildTask(kit.child), makeChild(kit)],
  })
  const withOptions = (options: unknown) => withChild(({ child }) => ({ task: child, options }))

  itFails({ code: 'invalid_task', begins: 'Invalid run of parent task sum: it returned ' }, [
    ['nothing', () => undefined, 'undefined, expected { output, children: [childTask(…), …] }'],
    ['null', () => null, 'null, expected { output, children: [childTask(…), …] }'],
    ['a number', () => 5, '5, expected { output, children: [childTask(…), …] }'],
    ['text', () => 'children', '"children", expected { output, children: [childTask(…), …] }'],
    [
      'a function',
      () => () => ({}),
      'a function, expected { output, children: [childTask(…), …] }',
    ],
    [
      'a list of children',
      ({ child }) => [untypedChildTask(child)],
      '[{"task":{"id":"child"}}], expected { output, children: [childTask(…), …] }',
    ],
    [
      'an object without children',
      () => ({ output: 1 }),
      '{"output":1}, expected { output, children: [childTask(…), …] }',
    ],
    [
      'one child',
      ({ child }) => ({ output: 1, children: untypedChildTask(child) }),
      '{"output":1,"children":{"task":{"id":"child"}}}, expected { output, children: [childTask(…), …] }',
    ],
    [
      'a set of children',
      () => ({ output: 1, children: new Set() }),
      '{"output":1,"children":{}}, expected { output, children: [childTask(…), …] }',
    ],
    [
      'children of null',
      () => ({ output: 1, children: null }),
      '{"output":1,"children":null}, expected { output, children: [childTask(…), …] }',
    ],
    [
      'what throws',
      createCycle,
      'a value of type object, expected { output, children: [childTask(…), …] }',
    ],
  ])

  itFails({ code: 'invalid_task', begins: 'Invalid run of parent task sum: child 1 ' }, [
    [
      'nothing among children',
      withChild(() => undefined),
      'is undefined, expected childTask(task, input)',
    ],
    [
      'text among children',
      withChild(() => 'child'),
      'is "child", expected childTask(task, input)',
    ],
    [
      'a task among children',
      withChild(({ child }) => child),
      'is {"id":"child"}, expected childTask(task, input)',
    ],
    [
      'a promise among children',
      withChild(() => Promise.resolve()),
      'is a Promise, expected childTask(task, input)',
    ],
    [
      'a list among children',
      withChild(({ child }) => [untypedChildTask(child)]),
      'is [{"task":{"id":"child"}}], expected childTask(task, input)',
    ],
    [
      'a child of nothing',
      withChild(() => untypedChildTask()),
      'is {}, expected childTask(task, input)',
    ],
    [
      'a child of what throws',
      withChild(createHostile),
      'is a value of type object, expected childTask(task, input)',
    ],
    [
      'a child with an option beside its options',
      withChild(({ child }) => ({ task: child, queue: 'a' })),
      '(task child): unknown key "queue", expected only task, input, options',
    ],
  ])

  it('holes among children fails', async () => {
    const { execution } = await runTask(({ executor, child }) =>
      executor.parentTask({
        id: 'sum',
        timeoutMs,
        runParent: () => ({ children: Object.assign([], { 1: untypedChildTask(child) }) }),
      }),
    )
    expect(execution).toMatchObject({
      status: 'failed',
      error: {
        message:
          'Invalid run of parent task sum: child 0 is undefined, expected childTask(task, input)',
      },
    })
  })

  itFails({ code: 'invalid_task', begins: 'Invalid options for task child: ' }, [
    ['a child whose options are null', withOptions(null), 'expected an object, got null'],
    ['a child whose options are a number', withOptions(5000), 'expected an object, got 5000'],
    [
      'a child with a typo in its options',
      withOptions({ timeoutMS: 5 }),
      'unknown key "timeoutMS", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue',
    ],
    [
      'a child with an id of its own',
      withOptions({ executionId: 'mine' }),
      'unknown key "executionId", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue',
    ],
    [
      'a child in a transaction',
      withOptions({ transaction: {} }),
      'unknown key "transaction", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue',
    ],
    [
      'a child whose options throw',
      withOptions(createHostile()),
      'expected an object that can be read, got one that throws',
    ],
  ])

  itFails({ code: 'invalid_task' }, [
    [
      'a child with no time',
      withOptions({ timeoutMs: 0 }),
      'Invalid timeout value for task child: Too small: expected number to be >=1, got 0',
    ],
    [
      'a child with a negative sleep',
      withOptions({ sleepMsBeforeRun: -1 }),
      'Invalid sleep ms before run for task child: Too small: expected number to be >=0, got -1',
    ],
    [
      'a child with an empty queue',
      withOptions({ queue: '' }),
      'Invalid queue for task child: Too small: expected string to have >=1 characters, got ""',
    ],
    [
      'a child with wrong retries',
      withOptions({ retryOptions: { maxAttempts: NaN } }),
      'Invalid retry options for task child: maxAttempts: Invalid input: expected number, got NaN',
    ],
    [
      'a child with a typo in its retries',
      withOptions({ retryOptions: { max: 1 } }),
      'Invalid retry options for task child: unknown key "max", expected only maxAttempts, baseDelayMs, delayMultiplier, maxDelayMs, jitter',
    ],
    [
      'a sleeping child with retries',
      withChild(({ nap }) => ({ task: nap, input: 'key', options: { retryOptions: {} } })),
      'Invalid options for task nap: retryOptions cannot be given, a sleeping task runs nothing that could be retried',
    ],
  ])

  itFails({ code: 'not_found' }, [
    [
      'a child of an unknown task',
      withChild(() => ({ task: { id: 'unknown' } })),
      'Task unknown not found: define it on this executor before it is used',
    ],
    [
      'a child of the prototype',
      withChild(() => ({ task: { id: '__proto__' } })),
      'Task __proto__ not found: define it on this executor before it is used',
    ],
  ])

  itFails({ code: 'invalid_input' }, [
    [
      'a sleeping child without its id',
      withChild(({ nap }) => ({ task: nap })),
      'Invalid input to task nap: expected the unique id of a sleeping task, non-empty text, got undefined',
    ],
    [
      'a sleeping child with an odd id',
      withChild(({ nap }) => ({ task: nap, input: 5 })),
      'Invalid input to task nap: expected the unique id of a sleeping task, non-empty text, got 5',
    ],
  ])

  itFails({ code: 'not_serializable' }, [
    [
      'a child whose input is a function',
      withChild((kit) => untypedChildTask(kit.child, () => 1)),
      'Input of child 1 (task child) cannot be serialized: it is a function; use plain data, or a serializer that knows it',
    ],
    [
      'a child whose input is a promise',
      withChild((kit) => untypedChildTask(kit.child, Promise.resolve())),
      'Input of child 1 (task child) cannot be serialized: it holds a promise: await it first; use plain data, or a serializer that knows it',
    ],
    [
      'an output that is a symbol',
      () => ({ output: Symbol('out'), children: [] }),
      'Output of task sum cannot be serialized: it is a symbol; use plain data, or a serializer that knows it',
    ],
  ])

  itFails({ code: 'too_large' }, [
    [
      'a child whose input is too large',
      withChild((kit) => untypedChildTask(kit.child, 'a'.repeat(2 ** 21))),
      'Input of child 1 (task child) is too large: 2097163 bytes, of which 1048576 are allowed; store it elsewhere and pass a reference, or raise maxSerializedInputDataSize',
    ],
    [
      'an output that is too large',
      () => ({ output: 'a'.repeat(2 ** 21), children: [] }),
      'Output of task sum is too large: 2097163 bytes, of which 1048576 are allowed; store it elsewhere and pass a reference, or raise maxSerializedOutputDataSize',
    ],
  ])
})
