/** Wrong input to the methods that define parents, sequences, loops and sleeping tasks. */
import { describe } from 'vitest'

import { createHostile, itThrows, type Setting } from './support/refusals'

const code = 'invalid_task'
const run = (): number => 1
const runParent = (): object => ({ output: 1, children: [] })
const base = { id: 'sum', timeoutMs: 1000, run }

describe('a parent task', () => {
  const parent = { id: 'sum', timeoutMs: 1000, runParent }
  const defineParent =
    (options: unknown) =>
    ({ executor }: Setting): unknown =>
      executor.parentTask(options)
  const withFinalize = (finalize: unknown) => defineParent({ ...parent, finalize })

  itThrows({ code, begins: 'Invalid task options: ' }, [
    ['of nothing', defineParent(undefined), 'expected an object, got undefined'],
    ['of a function', defineParent(runParent), 'expected an object, got a function'],
  ])

  itThrows({ code, begins: 'Invalid options for task sum: ' }, [
    [
      'without a function',
      defineParent({ ...parent, runParent: undefined }),
      'runParent: expected a function, got undefined',
    ],
    [
      'whose function is an object',
      defineParent({ ...parent, runParent: {} }),
      'runParent: expected a function, got {}',
    ],
    [
      'with the function of a task',
      defineParent(base),
      'run belongs to a task; define it with task, or as runParent',
    ],
    [
      'with both functions',
      defineParent({ ...parent, run }),
      'it has both run and runParent; a task has run, a parent task has runParent',
    ],
    [
      'with a typo',
      defineParent({ ...parent, finalise: run }),
      'unknown key "finalise", expected only id, timeoutMs, sleepMsBeforeRun, queue, retryOptions, runParent, finalize',
    ],
    [
      'whose finalize is null',
      withFinalize(null),
      'finalize: expected a function, task options or parent task options, got null',
    ],
    [
      'whose finalize is text',
      withFinalize('finalize'),
      'finalize: expected a function, task options or parent task options, got "finalize"',
    ],
    [
      'whose finalize is a list',
      withFinalize([run]),
      'finalize: expected a function, task options or parent task options, got [null]',
    ],
    [
      'whose finalize has been called',
      withFinalize(Promise.resolve(1)),
      'finalize: expected a function, task options or parent task options, got a Promise',
    ],
    [
      'whose finalize has no id',
      withFinalize({ timeoutMs: 1000, run }),
      'finalize: id: expected text, got undefined',
    ],
    [
      'whose finalize has an id of null',
      withFinalize({ id: null, timeoutMs: 1000, run }),
      'finalize: id: expected text, got null',
    ],
    [
      'whose finalize throws',
      withFinalize(createHostile()),
      'finalize: id: expected text, got undefined',
    ],
  ])

  itThrows({ code }, [
    [
      'without a time-out',
      defineParent({ id: 'sum', runParent }),
      'Invalid timeout value for task sum: Invalid input: expected number, got undefined',
    ],
    [
      'whose finalize runs nothing',
      withFinalize({ id: 'end', timeoutMs: 1000 }),
      'Invalid options for task end: run: expected a function, got undefined',
    ],
    [
      'whose finalize runs both',
      withFinalize({ id: 'end', timeoutMs: 1, run, runParent }),
      'Invalid options for task end: it has both run and runParent; a task has run, a parent task has runParent',
    ],
    [
      'whose finalize has no time-out',
      withFinalize({ id: 'end', run }),
      'Invalid timeout value for task end: Invalid input: expected number, got undefined',
    ],
    [
      'whose finalize has a typo',
      withFinalize({ ...base, id: 'end', retries: 3 }),
      'Invalid options for task end: unknown key "retries", expected only id, timeoutMs, sleepMsBeforeRun, queue, retryOptions, run',
    ],
    [
      'whose finalize has an id that is wrong',
      withFinalize({ ...base, id: 'the end' }),
      'Invalid task id "the end": expected only letters, digits and underscores',
    ],
    [
      'whose finalize has an id that is taken',
      withFinalize({ ...base, id: 'add' }),
      'Task add already exists: give every task of an executor an id of its own',
    ],
    [
      'whose finalize has its own id',
      withFinalize(base),
      'Task sum already exists: give every task of an executor an id of its own',
    ],
    [
      'whose finalize has a finalize',
      withFinalize({ ...base, id: 'end', finalize: run }),
      'Invalid options for task end: finalize belongs to a parent task; define it with parentTask and runParent',
    ],
    [
      'whose finalize has a wrong finalize',
      withFinalize({ ...parent, id: 'end', finalize: 5 }),
      'Invalid options for task end: finalize: expected a function, task options or parent task options, got 5',
    ],
    [
      'whose id leaves no room for that of its finalize',
      defineParent({ ...parent, id: 'a'.repeat(250), finalize: run }),
      'Invalid task id "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…: expected at most 255 characters, got 259',
    ],
  ])
})

describe('a sequence', () => {
  const sequence =
    (id: unknown, tasks: (setting: Setting) => unknown) =>
    (setting: Setting): unknown =>
      setting.executor.sequentialTasks(id, tasks(setting))

  itThrows({ code, begins: 'Invalid options for task steps: ' }, [
    [
      'of nothing',
      ({ executor }) => executor.sequentialTasks('steps'),
      'No tasks provided: expected a list of tasks, got undefined',
    ],
    ['of no tasks', sequence('steps', () => []), 'No tasks provided: a sequence has at least one'],
    [
      'of null',
      sequence('steps', () => null),
      'No tasks provided: expected a list of tasks, got null',
    ],
    [
      'of one task that is in no list',
      sequence('steps', ({ add }) => add),
      'No tasks provided: expected a list of tasks, got {"id":"add"}',
    ],
    [
      'of a set',
      sequence('steps', ({ add }) => new Set([add])),
      'No tasks provided: expected a list of tasks, got a Set',
    ],
    ['of ids', sequence('steps', () => ['add']), 'task 0: expected a task, got "add"'],
    [
      'of null among tasks',
      sequence('steps', ({ add }) => [add, null]),
      'task 1: expected a task, got null',
    ],
    [
      'of a list with holes',
      sequence('steps', ({ add }) => Object.assign([add], { 2: add })),
      'task 1: expected a task, got undefined',
    ],
    ['of functions', sequence('steps', () => [run]), 'task 0: expected a task, got a function'],
    [
      'of what throws',
      sequence('steps', ({ add }) => [add, createHostile()]),
      'task 1: expected a task, got a value of type object',
    ],
  ])

  itThrows({ code }, [
    [
      'without an id',
      sequence(undefined, ({ add }) => [add]),
      'Invalid task id: expected text, got undefined',
    ],
    [
      'whose arguments are in the wrong order',
      ({ executor, add }) => executor.sequentialTasks([add], 'steps'),
      'Invalid task id: expected text, got [{"id":"add"}]',
    ],
    [
      'with an id that is taken',
      sequence('chain', ({ add }) => [add]),
      'Task chain already exists: give every task of an executor an id of its own',
    ],
  ])

  itThrows({ code: 'not_found' }, [
    [
      'of a task of another executor',
      sequence('steps', ({ foreign }) => [foreign]),
      'Task foreign not found: define it on this executor before it is used',
    ],
    [
      'of itself',
      sequence('steps', ({ add }) => [add, { id: 'steps' }]),
      'Task steps not found: define it on this executor before it is used',
    ],
  ])
})

describe('a sleeping task', () => {
  const sleeping =
    (options: unknown) =>
    ({ executor }: Setting): unknown =>
      executor.sleepingTask(options)
  const doze = { id: 'doze', timeoutMs: 1000 }

  itThrows({ code }, [
    ['of nothing', sleeping(undefined), 'Invalid task options: expected an object, got undefined'],
    ['of its id only', sleeping('doze'), 'Invalid task options: expected an object, got "doze"'],
    [
      'without a time-out',
      sleeping({ id: 'doze' }),
      'Invalid timeout value for task doze: Invalid input: expected number, got undefined',
    ],
    [
      'that would sleep for ever',
      sleeping({ id: 'doze', timeoutMs: Infinity }),
      'Invalid timeout value for task doze: Invalid input: expected number, got Infinity',
    ],
    [
      'with a function',
      sleeping({ ...doze, run }),
      'Invalid options for task doze: unknown key "run", expected only id, timeoutMs, sleepMsBeforeRun, queue',
    ],
    [
      'with a function of a parent',
      sleeping({ ...doze, runParent }),
      'Invalid options for task doze: unknown key "runParent", expected only id, timeoutMs, sleepMsBeforeRun, queue',
    ],
    [
      'with retries',
      sleeping({ ...doze, retryOptions: { maxAttempts: 1 } }),
      'Invalid options for task doze: retryOptions cannot be given, a sleeping task runs nothing that could be retried',
    ],
    [
      'with an id that is taken',
      sleeping({ ...doze, id: 'nap' }),
      'Task nap already exists: give every task of an executor an id of its own',
    ],
  ])
})

describe('a loop', () => {
  const loop =
    (...args: unknown[]) =>
    ({ executor, add }: Setting): unknown =>
      executor.loopingTask('again', add, ...args)
  const over =
    (task: (setting: Setting) => unknown) =>
    (setting: Setting): unknown =>
      setting.executor.loopingTask('again', task(setting), 3)

  itThrows({ code, begins: 'Invalid options for task again: ' }, [
    ['over nothing', over(() => undefined), 'iteration task: expected a task, got undefined'],
    ['over the id of a task', over(() => 'add'), 'iteration task: expected a task, got "add"'],
    ['over a function', over(() => run), 'iteration task: expected a task, got a function'],
    [
      'over the options of a task',
      over(() => ({ timeoutMs: 1000, run })),
      'iteration task: expected a task, got {"timeoutMs":1000}',
    ],
    [
      'over what throws',
      over(createHostile),
      'iteration task: expected a task, got a value of type object',
    ],
    [
      'without an end',
      loop(),
      'maxIterations: expected a whole number of at least 1, got undefined',
    ],
    ['of no iterations', loop(0), 'maxIterations: expected a whole number of at least 1, got 0'],
    ['of less than none', loop(-3), 'maxIterations: expected a whole number of at least 1, got -3'],
    [
      'of half an iteration',
      loop(0.5),
      'maxIterations: expected a whole number of at least 1, got 0.5',
    ],
    [
      'of endless iterations',
      loop(Infinity),
      'maxIterations: expected a whole number of at least 1, got Infinity',
    ],
    [
      'of iterations that are no number',
      loop(NaN),
      'maxIterations: expected a whole number of at least 1, got NaN',
    ],
    [
      'of iterations that are text',
      loop('3'),
      'maxIterations: expected a whole number of at least 1, got "3"',
    ],
    [
      'of more iterations than can be counted',
      loop(2 ** 53),
      'maxIterations: expected a whole number of at least 1, got 9007199254740992',
    ],
    [
      'of options',
      loop({ maxIterations: 3 }),
      'maxIterations: expected a whole number of at least 1, got {"maxIterations":3}',
    ],
  ])

  itThrows({ code, begins: 'Invalid sleep ms before run for task again: ' }, [
    [
      'with a negative sleep',
      loop(3, -1),
      'expected a number of at least 0 and at most 3153600000000, or a function, got -1',
    ],
    [
      'with a sleep that is no number',
      loop(3, NaN),
      'expected a number of at least 0 and at most 3153600000000, or a function, got NaN',
    ],
    [
      'with an endless sleep',
      loop(3, Infinity),
      'expected a number of at least 0 and at most 3153600000000, or a function, got Infinity',
    ],
    [
      'with a sleep of text',
      loop(3, '1s'),
      'expected a number of at least 0 and at most 3153600000000, or a function, got "1s"',
    ],
    [
      'with a sleep of null',
      loop(3, null),
      'expected a number of at least 0 and at most 3153600000000, or a function, got null',
    ],
    [
      'with a sleep in an object',
      loop(3, { sleepMsBeforeRun: 5 }),
      'expected a number of at least 0 and at most 3153600000000, or a function, got {"sleepMsBeforeRun":5}',
    ],
  ])

  itThrows({ code }, [
    [
      'with an id of null',
      ({ executor, add }) => executor.loopingTask(null, add, 3),
      'Invalid task id: expected text, got null',
    ],
    [
      'with an id that is taken',
      ({ executor, add }) => executor.loopingTask('poll', add, 3),
      'Task poll already exists: give every task of an executor an id of its own',
    ],
  ])

  itThrows({ code: 'not_found' }, [
    [
      'over a task of another executor',
      over(({ foreign }) => foreign),
      'Task foreign not found: define it on this executor before it is used',
    ],
    [
      'over itself',
      over(() => ({ id: 'again' })),
      'Task again not found: define it on this executor before it is used',
    ],
  ])
})
