/** Wrong checks of an input: where they are given, and where they fail to answer. */
import { describe, expect, it } from 'vitest'

import { DurableExecutionError, type AnyTask } from '../src/index'
import { itEnds, retryOptions, runTask, timeoutMs, type Kit } from './support/endings'
import {
  createHostile,
  itThrows,
  untyped,
  type Setting,
  type UntypedExecutor,
} from './support/refusals'

const run = (): number => 1
const base = { id: 'sum', timeoutMs, run }

describe('a check of the input', () => {
  const validate =
    (check: unknown) =>
    ({ executor }: Setting): unknown =>
      executor.validateInput(check)
  const schema =
    (given: unknown) =>
    ({ executor }: Setting): unknown =>
      executor.inputSchema(given)

  itThrows({ code: 'invalid_options', begins: 'Invalid input validation: ' }, [
    ['by nothing', validate(undefined), 'expected a function, got undefined'],
    [
      'by a schema',
      validate({ '~standard': { validate: run } }),
      'expected a function, got {"~standard":{}}',
    ],
    ['by text', validate('string'), 'expected a function, got "string"'],
    ['by a regular expression', validate(/a/), 'expected a function, got a RegExp'],
  ])

  itThrows({ code: 'invalid_options', begins: 'Invalid input schema: ' }, [
    [
      'by no schema',
      schema(undefined),
      'expected a Standard Schema (zod, valibot, arktype, …), got undefined',
    ],
    [
      'by a schema that is null',
      schema(null),
      'expected a Standard Schema (zod, valibot, arktype, …), got null',
    ],
    [
      'by a JSON schema',
      schema({ type: 'string' }),
      'expected a Standard Schema (zod, valibot, arktype, …), got {"type":"string"}',
    ],
    [
      'by a function as a schema',
      schema(run),
      'expected a Standard Schema (zod, valibot, arktype, …), got a function',
    ],
    [
      'by a schema that is half a one',
      schema({ '~standard': { version: 1 } }),
      'expected a Standard Schema (zod, valibot, arktype, …), got {"~standard":{"version":1}}',
    ],
    [
      'by a schema that throws',
      schema(createHostile()),
      'expected a Standard Schema (zod, valibot, arktype, …), got a value of type object',
    ],
  ])

  describe.each([
    ['validateInput', (executor: UntypedExecutor) => executor.validateInput(String)],
    [
      'inputSchema',
      (executor: UntypedExecutor) =>
        executor.inputSchema({ '~standard': { validate: (value: unknown) => ({ value }) } }),
    ],
  ])('gives builders that refuse the same: %s', (_name, check) => {
    const checked =
      (call: (builder: UntypedExecutor, add: AnyTask) => unknown) =>
      ({ executor, add }: Setting): unknown =>
        call(untyped(check(executor)), add)

    itThrows({ code: 'invalid_task' }, [
      [
        'task',
        checked((builder) => builder.task({ ...base, run: 5 })),
        'Invalid options for task sum: run: expected a function, got 5',
      ],
      [
        'task with a typo',
        checked((builder) => builder.task({ ...base, retries: 5 })),
        'Invalid options for task sum: unknown key "retries", expected only id, timeoutMs, sleepMsBeforeRun, queue, retryOptions, run',
      ],
      [
        'parentTask',
        checked((builder) => builder.parentTask({ id: 'sum' })),
        'Invalid options for task sum: runParent: expected a function, got undefined',
      ],
      [
        'sequentialTasks',
        checked((builder) => builder.sequentialTasks('steps', [])),
        'Invalid options for task steps: No tasks provided: a sequence has at least one',
      ],
      [
        'loopingTask',
        checked((builder, add) => builder.loopingTask('again', add, 0)),
        'Invalid options for task again: maxIterations: expected a whole number of at least 1, got 0',
      ],
    ])
  })
})

describe('a check of the input that', () => {
  const checking = (check: (executor: UntypedExecutor) => unknown) => (kit: Kit) =>
    untyped<UntypedExecutor>(check(kit.executor)).task({
      id: 'sum',
      timeoutMs,
      retryOptions,
      run: () => 1,
    })
  const answering = (result: unknown) =>
    checking((executor) => executor.inputSchema({ '~standard': { validate: () => result } }))
  const throwing = (thrown: unknown) =>
    checking((executor) =>
      executor.validateInput(() => {
        throw thrown as Error
      }),
    )

  itEnds('failed', { code: 'invalid_input', begins: 'Invalid input to task sum: ' }, [
    [
      'answers nothing',
      answering(undefined),
      'its schema answered undefined, expected { value } or { issues: […] }',
    ],
    [
      'answers null',
      answering(null),
      'its schema answered null, expected { value } or { issues: […] }',
    ],
    [
      'answers text',
      answering('fine'),
      'its schema answered "fine", expected { value } or { issues: […] }',
    ],
    [
      'answers true',
      answering(true),
      'its schema answered true, expected { value } or { issues: […] }',
    ],
    [
      'answers issues that are no list',
      answering({ issues: 'wrong' }),
      'its schema answered {"issues":"wrong"}, expected { value } or { issues: […] }',
    ],
    [
      'answers a list of no issues',
      answering({ issues: [] }),
      'its schema answered {"issues":[]}, expected { value } or { issues: […] }',
    ],
  ])

  it.each([
    ['text', 'expected a number', 'expected a number'],
    ['nothing', undefined, 'undefined'],
    ['what refuses everything', createHostile(), 'an error whose message cannot be read'],
    ['an error that could be retried', DurableExecutionError.retryable('busy'), 'busy'],
  ])('throws %s fails the execution, at once and for good', async (_name, thrown, message) => {
    const { execution } = await runTask(throwing(thrown))
    expect(execution).toMatchObject({
      status: 'failed',
      attempt: 0,
      error: {
        code: 'invalid_input',
        isRetryable: false,
        message: `Invalid input to task sum: ${message}`,
      },
    })
  })
})
