import { createHash } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { thrownBy } from '../../tests/support/thrown'
import { DurableExecutionNotFoundError } from '../errors'
import { NO_RETRIES } from '../execution/retry'
import { Codec, createSuperjsonSerializer } from '../serializer'
import {
  defineLoop,
  defineSequence,
  defineSleepingTask,
  defineTask,
  type LoopLimits,
} from '../task/define'
import type { SequenceDefinition, TaskDefinition } from '../task/definition'
import type { CommonTaskOptions } from '../task/options'
import { TaskRegistry } from '../task/registry'
import { createTask } from '../task/task'
import {
  checkUniqueId,
  planExecution,
  planStep,
  sleepingKey,
  type Place,
  type Planner,
} from './plan'

const codec = new Codec(createSuperjsonSerializer())
const LIMIT = { bytes: 1000, option: '' }

function createPlanner(...definitions: TaskDefinition[]): Planner {
  const registry = new TaskRegistry()
  registry.add(definitions)
  let count = 0
  return { registry, codec, createId: (prefix) => `${prefix}_${(count += 1)}` }
}

function task(id: string, options: Partial<CommonTaskOptions> = {}): TaskDefinition {
  return defineTask({ id, timeoutMs: 1000, run: () => 1, ...options })
}

function sequence(id: string, ...stepIds: string[]): SequenceDefinition {
  return defineSequence(
    id,
    stepIds.map((stepId) => createTask(stepId)),
  )
}

function loop(id: string, iterationId: string, limits: Partial<LoopLimits> = {}): TaskDefinition {
  const all = { maxIterations: 3, sleepMsBeforeRun: undefined, ...limits }
  return defineLoop(id, createTask(iterationId), all)
}

const place: Place = {
  root: { taskId: 'root', executionId: 'te_root' },
  parent: { taskId: 'top', executionId: 'te_top', indexInParent: 2, isFinalize: false },
  queue: 'of_parent',
}

describe('planExecution', () => {
  it('plans a root of its own', () => {
    const planner = createPlanner(task('add', { retryOptions: { maxAttempts: 2 }, queue: 'slow' }))
    expect(planExecution(planner, { taskId: 'add', input: '1' })).toEqual([
      {
        taskId: 'add',
        executionId: 'te_1',
        queue: 'slow',
        root: { taskId: 'add', executionId: 'te_1' },
        parent: null,
        retryOptions: { ...NO_RETRIES, maxAttempts: 2 },
        sleepMsBeforeRun: 0,
        timeoutMs: 1000,
        input: '1',
        sleepingKey: null,
        start: 'ready',
      },
    ])
  })

  it('takes an id of the caller', () => {
    const planner = createPlanner(task('add'))
    const [row] = planExecution(planner, { taskId: 'add', input: null, executionId: 'mine' })
    expect(row).toMatchObject({ executionId: 'mine', root: { executionId: 'mine' } })
  })

  it('plans a child under its parent and root', () => {
    const planner = createPlanner(task('add'))
    const [row] = planExecution(planner, { taskId: 'add', input: null, place })
    expect(row).toMatchObject({ root: place.root, parent: place.parent })
  })

  it.each([
    [{ options: { queue: 'of_option' }, place }, 'slow', 'of_option'],
    [{ place }, 'slow', 'slow'],
    [{ place }, undefined, 'of_parent'],
    [{}, undefined, 'default'],
  ])(
    'takes the queue of the option, the task, the parent, or the default: %j',
    (plan, own, queue) => {
      const planner = createPlanner(task('add', { queue: own }))
      expect(planExecution(planner, { taskId: 'add', input: null, ...plan })[0].queue).toBe(queue)
    },
  )

  it('adds the delay of the place to that of its own', () => {
    const planner = createPlanner(task('add', { sleepMsBeforeRun: 50 }))
    const [row] = planExecution(planner, { taskId: 'add', input: null, delayMs: 7 })
    expect(row.sleepMsBeforeRun).toBe(57)
  })

  it('throws not-found for an unknown task', () => {
    const call = (): unknown => planExecution(createPlanner(), { taskId: 'add', input: null })
    expect(thrownBy(call)).toBeInstanceOf(DurableExecutionNotFoundError)
  })

  it('checks the options', () => {
    const planner = createPlanner(task('add'))
    const call = (): unknown =>
      planExecution(planner, { taskId: 'add', input: null, options: { timeoutMs: 0 } })
    expect(call).toThrow(/^Invalid timeout value for task add/)
  })
})

describe('planExecution of a sequence', () => {
  it('plans a waiting root with its first step', () => {
    const planner = createPlanner(sequence('chain', 'a', 'b'), task('a'), task('b'))
    const rows = planExecution(planner, { taskId: 'chain', input: '"in"' })
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatchObject({
      taskId: 'chain',
      start: 'waiting',
      timeoutMs: null,
      retryOptions: NO_RETRIES,
      input: '"in"',
    })
    expect(rows[1]).toMatchObject({
      taskId: 'a',
      start: 'ready',
      timeoutMs: 1000,
      input: '"in"',
      root: { taskId: 'chain', executionId: 'te_1' },
      parent: { taskId: 'chain', executionId: 'te_1', indexInParent: 0, isFinalize: false },
    })
  })

  it('plans nested chains with their first steps, parents first', () => {
    const planner = createPlanner(
      sequence('outer', 'inner', 'a'),
      sequence('inner', 'poll'),
      loop('poll', 'a'),
      task('a'),
    )
    const rows = planExecution(planner, { taskId: 'outer', input: null })
    expect(rows.map(({ taskId, parent }) => [taskId, parent?.executionId])).toEqual([
      ['outer', undefined],
      ['inner', 'te_1'],
      ['poll', 'te_2'],
      ['a', 'te_3'],
    ])
    expect(new Set(rows.map(({ root }) => root.executionId))).toEqual(new Set(['te_1']))
  })

  it('hands delay and queue of the chain to its first step', () => {
    const planner = createPlanner(sequence('chain', 'a'), task('a', { sleepMsBeforeRun: 5 }))
    const options = { sleepMsBeforeRun: 100, queue: 'slow' }
    const rows = planExecution(planner, { taskId: 'chain', input: null, options })
    expect(rows.map(({ sleepMsBeforeRun, queue }) => [sleepMsBeforeRun, queue])).toEqual([
      [100, 'slow'],
      [105, 'slow'],
    ])
  })

  it('refuses options that a chain has not', () => {
    const planner = createPlanner(sequence('chain', 'a'), loop('poll', 'a'), task('a'))
    for (const options of [{ timeoutMs: 5 }, { retryOptions: {} }]) {
      for (const taskId of ['chain', 'poll']) {
        const call = (): unknown => planExecution(planner, { taskId, input: null, options })
        expect(call).toThrow(/cannot be given, its steps have their own/)
      }
    }
  })
})

describe('planStep', () => {
  const chain = { executionId: 'te_c', root: place.root, queue: 'slow' }

  it('plans any step of a sequence', () => {
    const definition = sequence('chain', 'a', 'b')
    const planner = createPlanner(definition, task('a'), task('b'))
    const rows = planStep(planner, definition, chain, { index: 1, input: '2', delayMs: 3 })
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      taskId: 'b',
      input: '2',
      queue: 'slow',
      sleepMsBeforeRun: 3,
      root: place.root,
      parent: { taskId: 'chain', executionId: 'te_c', indexInParent: 1, isFinalize: false },
    })
  })

  it('knows no step behind the last', () => {
    const definition = sequence('chain', 'a')
    const step = { index: 1, input: null, delayMs: 0 }
    const call = (): unknown => planStep(createPlanner(task('a')), definition, chain, step)
    expect(thrownBy(call)).toMatchObject({ isInternal: true, isRetryable: false })
  })
})

describe('planExecution of a sleeping task', () => {
  const nap = defineSleepingTask({ id: 'nap', timeoutMs: 500 })
  const input = codec.encode('order 7', 'It', LIMIT)

  it('plans it asleep, under the key of its unique id', () => {
    const rows = planExecution(createPlanner(nap), { taskId: 'nap', input })
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      start: 'asleep',
      sleepingKey: sleepingKey('nap', 'order 7'),
      timeoutMs: 500,
    })
  })

  it('plans it ready where it has a delay', () => {
    const options = { sleepMsBeforeRun: 10 }
    const [row] = planExecution(createPlanner(nap), { taskId: 'nap', input, options })
    expect(row).toMatchObject({ start: 'ready', sleepingKey: sleepingKey('nap', 'order 7') })
  })

  it.each([5, '', null, undefined, {}])('refuses the unique id %j', (uniqueId) => {
    const text = codec.encode(uniqueId, 'It', LIMIT)
    const call = (): unknown => planExecution(createPlanner(nap), { taskId: 'nap', input: text })
    expect(thrownBy(call)).toMatchObject({ code: 'invalid_input', isRetryable: false })
    expect(() => checkUniqueId('nap', uniqueId)).toThrow(/^Invalid input to task nap: .+, got /)
  })

  it('refuses retry options', () => {
    const options = { retryOptions: { maxAttempts: 1 } }
    const call = (): unknown => planExecution(createPlanner(nap), { taskId: 'nap', input, options })
    expect(call).toThrow(/^Invalid options for task nap: retryOptions cannot be given/)
  })
})

describe('sleepingKey', () => {
  it('is base64url of the SHA-256 of task id, NUL and unique id', () => {
    const hash = createHash('sha256').update('nap\u0000order 7').digest('base64url')
    expect(sleepingKey('nap', 'order 7')).toBe(hash)
  })

  it('differs by task and by unique id, wherever they are parted', () => {
    const keys = [
      sleepingKey('nap', 'a'),
      sleepingKey('nap', 'A'),
      sleepingKey('napa', ''),
      sleepingKey('na', 'pa'),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })
})
