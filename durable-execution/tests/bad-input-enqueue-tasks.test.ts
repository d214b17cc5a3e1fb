/** Wrong input to `enqueueTasks`. */
import { describe } from 'vitest'

import { createHostile, itRejects, untypedChildTask, type Setting } from './support/refusals'

describe('enqueueTasks', () => {
  const enqueueAll =
    (children: unknown) =>
    ({ executor }: Setting): unknown =>
      executor.enqueueTasks(children)
  const enqueueBeside =
    (...children: unknown[]) =>
    ({ executor, add }: Setting): unknown =>
      executor.enqueueTasks([untypedChildTask(add, 'fine'), ...children])
  /** A child of `add` with odd parts. */
  const enqueueChild =
    (parts: object) =>
    (setting: Setting): unknown =>
      enqueueBeside({ task: setting.add, ...parts })(setting)

  itRejects({ code: 'invalid_task', begins: 'Invalid children: ' }, [
    [
      'of nothing',
      enqueueAll(undefined),
      'expected a list of childTask(task, input), got undefined',
    ],
    ['of null', enqueueAll(null), 'expected a list of childTask(task, input), got null'],
    ['of text', enqueueAll('add'), 'expected a list of childTask(task, input), got "add"'],
    [
      'of one child',
      (s) => s.executor.enqueueTasks(untypedChildTask(s.add)),
      'expected a list of childTask(task, input), got {"task":{"id":"add"}}',
    ],
    ['of a set', enqueueAll(new Set()), 'expected a list of childTask(task, input), got a Set'],
    [
      'of a function',
      enqueueAll(() => []),
      'expected a list of childTask(task, input), got a function',
    ],
    [
      'of null among children',
      enqueueBeside(null),
      'child 1 is null, expected childTask(task, input)',
    ],
    [
      'of a number among children',
      enqueueBeside(7),
      'child 1 is 7, expected childTask(task, input)',
    ],
    [
      'of a task among children',
      (s) => s.executor.enqueueTasks([s.add]),
      'child 0 is {"id":"add"}, expected childTask(task, input)',
    ],
    [
      'of a list with a hole',
      enqueueAll(Array.from({ length: 1 })),
      'child 0 is undefined, expected childTask(task, input)',
    ],
    [
      'of a sparse list',
      (s) => s.executor.enqueueTasks(Object.assign([], { 1: untypedChildTask(s.add) })),
      'child 0 is undefined, expected childTask(task, input)',
    ],
    [
      'of a child of nothing',
      enqueueBeside(untypedChildTask()),
      'child 1 is {}, expected childTask(task, input)',
    ],
    [
      'of a child of an id',
      enqueueBeside(untypedChildTask('add', 'in')),
      'child 1 is {"task":"add","input":"in"}, expected childTask(task, input)',
    ],
    [
      'of a child that throws',
      enqueueBeside(createHostile()),
      'child 1 is a value of type object, expected childTask(task, input)',
    ],
    [
      'of a child with an option beside its options',
      enqueueChild({ timeoutMs: 5 }),
      'child 1 (task add): unknown key "timeoutMs", expected only task, input, options',
    ],
  ])

  itRejects({ code: 'not_found' }, [
    [
      'of a child of another executor',
      (s) => enqueueBeside({ task: s.foreign })(s),
      'Task foreign not found: define it on this executor before it is used',
    ],
  ])

  itRejects({ code: 'invalid_task', begins: 'Invalid options for task add: ' }, [
    [
      'of a child whose options are null',
      enqueueChild({ options: null }),
      'expected an object, got null',
    ],
    [
      'of a child with a typo in its options',
      enqueueChild({ options: { timeout: 5 } }),
      'unknown key "timeout", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue',
    ],
    [
      'of a child with an id of its own',
      enqueueChild({ options: { executionId: 'a' } }),
      'unknown key "executionId", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue',
    ],
    [
      'of a child with a transaction',
      enqueueChild({ options: { transaction: {} } }),
      'unknown key "transaction", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue',
    ],
  ])

  itRejects({ code: 'invalid_task' }, [
    [
      'of a child with no time',
      enqueueChild({ options: { timeoutMs: 0 } }),
      'Invalid timeout value for task add: Too small: expected number to be >=1, got 0',
    ],
    [
      'of a child with a wrong queue',
      enqueueChild({ options: { queue: 5 } }),
      'Invalid queue for task add: Invalid input: expected string, got 5',
    ],
    [
      'of a child with wrong retries',
      enqueueChild({ options: { retryOptions: { maxAttempts: '3' } } }),
      'Invalid retry options for task add: maxAttempts: Invalid input: expected number, got "3"',
    ],
  ])

  itRejects({ code: 'not_serializable' }, [
    [
      'of a child whose input is a function',
      enqueueChild({ input: () => 1 }),
      'Input of task add cannot be serialized: it is a function; use plain data, or a serializer that knows it',
    ],
  ])

  itRejects({ code: 'too_large' }, [
    [
      'of a child whose input is too large',
      enqueueChild({ input: 'a'.repeat(2000) }),
      'Input of task add is too large: 2011 bytes, of which 1000 are allowed; store it elsewhere and pass a reference, or raise maxSerializedInputDataSize',
    ],
  ])

  itRejects({ code: 'invalid_input' }, [
    [
      'of a sleeping child without its id',
      (s) => enqueueBeside({ task: s.nap })(s),
      'Invalid input to task nap: expected the unique id of a sleeping task, non-empty text, got undefined',
    ],
  ])

  itRejects({ code: 'already_exists' }, [
    [
      'of two sleeping children with one id',
      ({ executor, nap }) => executor.enqueueTasks([0, 1].map(() => untypedChildTask(nap, 'key'))),
      'Invalid children: a unique id of sleeping task nap comes twice: give each execution one of its own',
    ],
  ])
})
