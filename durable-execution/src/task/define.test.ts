import { describe, expect, it } from 'vitest'

import { thrownBy } from '../../tests/support/thrown'
import { NO_RETRIES } from '../execution/retry'
import type { TaskRunContext } from './context'
import * as define from './define'
import type { TaskDefinition } from './definition'
import { createTask } from './task'

const run = (): number => 1
const runParent = (): unknown => ({ output: 1, children: [] })
const task = createTask<unknown, never>('step')

/** Also what the types forbid: users without types pass anything. */
function untyped<T>(value: unknown): T {
  return value as T
}

function expectRefusal(call: () => unknown, message: RegExp): void {
  const error = thrownBy(call)
  expect(error).toMatchObject({ code: 'invalid_task', isRetryable: false })
  expect(error).toHaveProperty('message', expect.stringMatching(message))
}

describe('defineTask', () => {
  it('fills in what is left out', () => {
    expect(define.defineTask({ id: 'add', timeoutMs: 5, run })).toEqual({
      kind: 'function',
      id: 'add',
      timeoutMs: 5,
      retryOptions: NO_RETRIES,
      sleepMsBeforeRun: 0,
      queue: null,
      validateInput: null,
      run,
    })
  })

  it('holds the validation of its input', () => {
    const validate = (input: unknown): unknown => input
    expect(define.defineTask({ id: 'add', timeoutMs: 5, run }, validate).validateInput).toBe(
      validate,
    )
  })

  it.each([
    [undefined, /^Invalid task options: expected an object, got undefined$/],
    [null, /^Invalid task options: expected an object, got null$/],
    ['add', /^Invalid task options: expected an object, got "add"$/],
    [{ id: '', timeoutMs: 5, run }, /^Task id cannot be empty/],
    [{ timeoutMs: 5, run }, /^Invalid task id: expected text, got undefined$/],
    [{ id: 'add', timeoutMs: 5 }, /^Invalid options for task add: run: expected a function, got/],
    [{ id: 'add', timeoutMs: 5, run: 3 }, /run: expected a function, got 3$/],
    [{ id: 'add', timeoutMs: 5, run, runParent }, /it has both run and runParent/],
    [{ id: 'add', timeoutMs: 5, run, finalize: run }, /finalize belongs to a parent task/],
    [{ id: 'add', run }, /^Invalid timeout value for task add: /],
  ])('refuses %j', (options, message) => {
    expectRefusal(() => define.defineTask(untyped(options)), message)
  })
})

describe('defineParentTask', () => {
  const options = { id: 'trip', timeoutMs: 5, runParent }

  it('may have no finalize', () => {
    const definitions = define.defineParentTask(options)
    expect(definitions).toHaveLength(1)
    expect(definitions[0]).toMatchObject({ kind: 'parent', id: 'trip', runParent })
    expect(definitions[0].finalizeId).toBeNull()
  })

  it('makes a task of a finalize that is a function, with the time-out of the parent', async () => {
    const [parent, finalize] = define.defineParentTask({
      ...options,
      retryOptions: { maxAttempts: 3 },
      finalize: (input: unknown) => [input],
    })
    expect(parent.finalizeId).toBe('trip_finalize')
    if (finalize?.kind !== 'function') throw new Error('The finalize is no function')
    expect(finalize).toMatchObject({
      id: 'trip_finalize',
      timeoutMs: 5,
      retryOptions: NO_RETRIES,
      validateInput: null,
    })
    const context = untyped<TaskRunContext>({})
    await expect(Promise.resolve(finalize.run(context, 7))).resolves.toEqual([7])
  })

  it('takes task options as a finalize', () => {
    const [parent, finalize] = define.defineParentTask({
      ...options,
      finalize: { id: 'bill', timeoutMs: 9, retryOptions: { maxAttempts: 2 }, run },
    })
    expect(parent.finalizeId).toBe('bill')
    expect(finalize).toMatchObject({ kind: 'function', id: 'bill', timeoutMs: 9, run })
  })

  it('takes parent options as a finalize, and their finalize, as deep as they go', () => {
    const definitions: TaskDefinition[] = define.defineParentTask({
      ...options,
      finalize: {
        id: 'second',
        timeoutMs: 9,
        runParent,
        finalize: { id: 'third', timeoutMs: 9, runParent, finalize: run },
      },
    })
    expect(definitions.map(({ kind, id }) => [kind, id])).toEqual([
      ['parent', 'trip'],
      ['parent', 'second'],
      ['parent', 'third'],
      ['function', 'third_finalize'],
    ])
  })

  it('checks the input of the parent only', () => {
    const validate = (input: unknown): unknown => input
    const [parent, finalize] = define.defineParentTask({ ...options, finalize: run }, validate)
    expect(parent.validateInput).toBe(validate)
    expect(finalize?.validateInput).toBeNull()
  })

  it.each([
    [null, /^Invalid task options: expected an object/],
    [
      { id: 'trip', timeoutMs: 5 },
      /^Invalid options for task trip: runParent: expected a function/,
    ],
    [{ ...options, run }, /it has both run and runParent/],
    [{ ...options, finalize: 5 }, /^Invalid options for task trip: finalize: expected .+, got 5$/],
    [{ ...options, finalize: null }, /finalize: expected .+, got null$/],
    [{ ...options, finalize: { id: 'bill', timeoutMs: 5 } }, /^Invalid options for task bill: run/],
    [{ ...options, finalize: { id: 'bill', run } }, /^Invalid timeout value for task bill/],
    [
      { ...options, finalize: { id: 'bill', timeoutMs: 5, run, runParent } },
      /^Invalid options for task bill: it has both run and runParent/,
    ],
    [{ ...options, id: 'a'.repeat(250), finalize: run }, /^Invalid task id "a+…: expected at most/],
  ])('refuses %j', (given, message) => {
    expectRefusal(() => define.defineParentTask(untyped(given)), message)
  })
})

describe('defineSequence', () => {
  it('holds the ids of its steps', () => {
    expect(define.defineSequence('chain', [task, createTask('other')])).toMatchObject({
      kind: 'sequence',
      id: 'chain',
      stepIds: ['step', 'other'],
      retryOptions: NO_RETRIES,
      sleepMsBeforeRun: 0,
      queue: null,
    })
  })

  it.each([
    ['chain', [], /^Invalid options for task chain: No tasks provided/],
    ['chain', undefined, /No tasks provided/],
    ['chain', 'tasks', /No tasks provided/],
    ['', [task], /^Task id cannot be empty/],
    ['chain', [task, null], /^Invalid options for task chain: task 1: expected a task, got null$/],
    ['chain', ['step'], /task 0: expected a task, got "step"$/],
    ['chain', [{}], /task 0: expected a task, got {}$/],
  ])('refuses %j with %j', (id, tasks, message) => {
    expectRefusal(() => define.defineSequence(id, untyped(tasks)), message)
  })
})

describe('defineLoop', () => {
  it('holds its iteration and its limits', () => {
    const loop = define.defineLoop('poll', task, { maxIterations: 3, sleepMsBeforeRun: 40 })
    expect(loop).toMatchObject({ kind: 'loop', id: 'poll', iterationId: 'step', maxIterations: 3 })
    expect([1, 2].map((index) => loop.sleepMsBefore(index))).toEqual([40, 40])
  })

  it('does not sleep unless it is told to', () => {
    const loop = define.defineLoop('poll', task, { maxIterations: 3, sleepMsBeforeRun: undefined })
    expect(loop.sleepMsBefore(1)).toBe(0)
  })

  it('sleeps as long as a function of the iteration says', () => {
    const sleepMsBeforeRun = (iteration: number): number => iteration * 100
    const loop = define.defineLoop('poll', task, { maxIterations: 3, sleepMsBeforeRun })
    expect([1, 2].map((index) => loop.sleepMsBefore(index))).toEqual([100, 200])
  })

  it.each([0, -1, 1.5, NaN, Infinity, '3', undefined])('refuses %j iterations', (maxIterations) => {
    expectRefusal(
      () => define.defineLoop('poll', task, untyped({ maxIterations })),
      /^Invalid options for task poll: maxIterations: expected a whole number of at least 1, got /,
    )
  })

  it.each([-1, NaN, '40', {}, null])('refuses the sleep %j', (sleepMsBeforeRun) => {
    expectRefusal(
      () => define.defineLoop('poll', task, untyped({ maxIterations: 1, sleepMsBeforeRun })),
      /^Invalid sleep ms before run for task poll: expected a number .+, got /,
    )
  })

  it('refuses what is no id and no task', () => {
    const limits = { maxIterations: 1, sleepMsBeforeRun: 0 }
    expectRefusal(() => define.defineLoop('', task, limits), /^Task id cannot be empty/)
    expectRefusal(
      () => define.defineLoop('poll', untyped(undefined), limits),
      /^Invalid options for task poll: iteration task: expected a task, got undefined$/,
    )
  })
})

describe('defineSleepingTask', () => {
  it('has options, and nothing that runs', () => {
    expect(define.defineSleepingTask({ id: 'nap', timeoutMs: 5, sleepMsBeforeRun: 3 })).toEqual({
      kind: 'sleeping',
      id: 'nap',
      timeoutMs: 5,
      sleepMsBeforeRun: 3,
      retryOptions: NO_RETRIES,
      queue: null,
      validateInput: null,
    })
  })

  it.each([
    [undefined, /^Invalid task options: expected an object/],
    [{ id: 'nap' }, /^Invalid timeout value for task nap: /],
    [
      { id: 'nap', timeoutMs: 5, retryOptions: { maxAttempts: 1 } },
      /^Invalid options for task nap: retryOptions cannot be given/,
    ],
  ])('refuses %j', (options, message) => {
    expectRefusal(() => define.defineSleepingTask(untyped(options)), message)
  })
})
