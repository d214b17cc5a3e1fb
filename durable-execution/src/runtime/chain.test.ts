import { describe, expect, it } from 'vitest'

import { createRecord } from '../../tests/support/records'
import { thrownBy } from '../../tests/support/thrown'
import type { ParentReference } from '../execution/record'
import { Codec } from '../serializer'
import { defineLoop, defineSequence, defineTask, type LoopLimits } from '../task/define'
import type { ChainDefinition, TaskDefinition } from '../task/definition'
import { TaskRegistry } from '../task/registry'
import { createTask } from '../task/task'
import { afterStep, nextStepRows, planNextStep, type ChainPlanner } from './chain'

const codec = new Codec({
  serialize: (value) => JSON.stringify(value),
  deserialize: (text) => JSON.parse(text) as unknown,
})

function createPlanner(...definitions: TaskDefinition[]): ChainPlanner {
  const registry = new TaskRegistry()
  registry.add(definitions)
  const options = { maxSerializedInputDataSize: 100 }
  return { registry, codec, options, createId: (prefix) => `${prefix}_new` }
}

const step = defineTask({ id: 'step', timeoutMs: 1000, run: () => 1 })
const sequence = defineSequence('chain', [createTask('step'), createTask('step')])
const planner = createPlanner(step, sequence)

function createLoop(limits: Partial<LoopLimits> = {}): ChainDefinition {
  const all = { maxIterations: 3, sleepMsBeforeRun: undefined, ...limits }
  return defineLoop('poll', createTask('step'), all)
}

describe('afterStep of a sequence', () => {
  it('is the next step with the output as its input, as it is', () => {
    expect(afterStep(planner, sequence, { index: 0, input: '1', output: '{' })).toEqual({
      kind: 'step',
      step: { index: 1, input: '{', delayMs: 0 },
    })
  })

  it('is the output of the last step, as it is', () => {
    expect(afterStep(planner, sequence, { index: 1, input: '1', output: '2' })).toEqual({
      kind: 'doneAsIs',
    })
  })
})

describe('afterStep of a loop', () => {
  it('is the next iteration with the input of the loop', () => {
    const completed = { index: 0, input: '"in"', output: '{"isDone":false}' }
    expect(afterStep(planner, createLoop(), completed)).toEqual({
      kind: 'step',
      step: { index: 1, input: '"in"', delayMs: 0 },
    })
  })

  it('sleeps before it as long as it is told to, in whole milliseconds', () => {
    const loop = createLoop({ sleepMsBeforeRun: (iteration) => iteration * 10.4 })
    const completed = { index: 1, input: null, output: '{"isDone":false}' }
    expect(afterStep(planner, loop, completed)).toMatchObject({ step: { index: 2, delayMs: 21 } })
  })

  it('is the output of the iteration that says it is done', () => {
    const completed = { index: 0, input: null, output: '{"isDone":true,"output":[1]}' }
    expect(afterStep(planner, createLoop(), completed)).toEqual({
      kind: 'done',
      output: { isSuccess: true, output: [1] },
    })
  })

  it('is without success after the last iteration', () => {
    const completed = { index: 2, input: null, output: '{"isDone":false}' }
    expect(afterStep(planner, createLoop(), completed)).toEqual({
      kind: 'done',
      output: { isSuccess: false },
    })
  })

  it('succeeds in its last iteration too', () => {
    const completed = { index: 2, input: null, output: '{"isDone":true}' }
    expect(afterStep(planner, createLoop(), completed)).toEqual({
      kind: 'done',
      output: { isSuccess: true, output: undefined },
    })
  })

  it.each([null, '5', 'null', '{}', '{"isDone":"yes"}'])(
    'refuses an iteration that returned %s',
    (output) => {
      const error = thrownBy(() =>
        afterStep(planner, createLoop(), { index: 1, input: null, output }),
      )
      expect(error).toMatchObject({ code: 'invalid_task', isRetryable: false })
      expect(error).toHaveProperty(
        'message',
        expect.stringMatching(/^Iteration 1 of loop poll returned .+: expected \{ isDone/),
      )
    },
  )

  it.each([-1, NaN, Infinity, '5', undefined])('refuses to sleep for %j', (sleepMs) => {
    const loop = createLoop({ sleepMsBeforeRun: () => sleepMs as number })
    const completed = { index: 0, input: null, output: '{"isDone":false}' }
    expect(thrownBy(() => afterStep(planner, loop, completed))).toMatchObject({
      code: 'invalid_task',
      isRetryable: false,
    })
  })
})

describe('planNextStep', () => {
  const chain = { executionId: 'te_c', root: { taskId: 'r', executionId: 'te_r' }, queue: 'slow' }

  it('plans the rows of the step', () => {
    const rows = planNextStep(planner, sequence, chain, { index: 1, input: '1', delayMs: 4 })
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ taskId: 'step', input: '1', queue: 'slow' })
  })

  it('refuses an output that is too large to be an input', () => {
    const large = { index: 1, input: 'a'.repeat(101), delayMs: 0 }
    const error = thrownBy(() => planNextStep(planner, sequence, chain, large))
    expect(error).toMatchObject({ code: 'too_large' })
    expect(error).toHaveProperty('message', expect.stringMatching(/^Input of step 1 of chain is/))
  })
})

describe('nextStepRows', () => {
  function child(parts: Partial<ParentReference> = {}): ReturnType<typeof createRecord> {
    return createRecord({
      taskId: 'step',
      queue: 'slow',
      root: { taskId: 'r', executionId: 'te_r' },
      parent: {
        taskId: 'chain',
        executionId: 'te_c',
        indexInParent: 0,
        isFinalize: false,
        ...parts,
      },
    })
  }

  it('are those of the next step, in the queue of the chain', () => {
    const rows = nextStepRows(planner, child(), '1')
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      executionId: 'te_new',
      input: '1',
      queue: 'slow',
      root: { executionId: 'te_r' },
      parent: { executionId: 'te_c', indexInParent: 1 },
    })
  })

  it.each([
    ['after the last step', child({ indexInParent: 1 })],
    ['after a root', createRecord({ taskId: 'step' })],
    ['after a finalize', child({ isFinalize: true })],
    ['under a task that is no chain', child({ taskId: 'step' })],
    ['under a task that is not known here', child({ taskId: 'elsewhere' })],
    ['after a task that is not known here', { ...child(), taskId: 'elsewhere' }],
  ])('are none %s', (_name, record) => {
    expect(nextStepRows(planner, record, '1')).toEqual([])
  })

  it('are none after a step with a queue of its own, which does not tell that of the chain', () => {
    const own = defineTask({ id: 'step', timeoutMs: 1000, queue: 'own', run: () => 1 })
    expect(nextStepRows(createPlanner(own, sequence), child(), '1')).toEqual([])
  })

  it('are none where the next step cannot be planned: the chain is resumed and says why', () => {
    expect(nextStepRows(planner, child(), 'a'.repeat(101))).toEqual([])
    const loop = createLoop()
    const loops = createPlanner(step, loop)
    expect(nextStepRows(loops, child({ taskId: 'poll' }), '"no iteration"')).toEqual([])
    expect(nextStepRows(loops, child({ taskId: 'poll' }), '{"isDone":false}')).toHaveLength(1)
  })
})
