/** New executions of random sequences: roots and children of every kind. */
import type { ExecutionRecord, NewExecution } from 'durable-execution'

import { childOf, newExecution, type Parent } from '../factory'
import { childrenIn, QUEUES, SEQUENCE, SLEEPING_KEYS, TASK_IDS, type Choice } from './world'

type Shape = 'ready' | 'claimed' | 'asleep' | 'drowsy' | 'sequence'

/** How often each kind of new execution occurs. `drowsy`: a sleeping execution that has not fallen asleep yet. */
const SHAPES: Readonly<Record<Shape, number>> = {
  ready: 4,
  claimed: 6,
  asleep: 2,
  drowsy: 1,
  sequence: 2,
}

/**
 * Some roots, sequences with their first step.
 *
 * @param firstId - The id of the first one, if not a new one.
 */
export function newRoots(choice: Choice, firstId?: string): NewExecution[] {
  const count = choice.random.integer(1, 4)
  return Array.from({ length: count }, (_, index) => {
    const executionId = index === 0 && firstId !== undefined ? firstId : choice.newId()
    const shape = choice.random.weighted(SHAPES, 'ready')
    const root = newExecution({ executionId, ...partsOf(choice, shape) })
    return shape === 'sequence' ? [root, firstStep(choice, root)] : [root]
  }).flat()
}

/** Children of a parent that has none yet; sequences with their first step. */
export function newChildren(choice: Choice, parent: Parent): NewExecution[] {
  const count = choice.random.integer(1, 4)
  return Array.from({ length: count }, (_, index) => {
    const executionId = choice.newId()
    const shape = choice.random.weighted(SHAPES, 'ready')
    const child = childOf(parent, index, { executionId, ...partsOf(choice, shape) })
    return shape === 'sequence' ? [child, firstStep(choice, child)] : [child]
  }).flat()
}

/** The child of a sequence that follows those it has. */
export function newStep(choice: Choice, parent: ExecutionRecord): NewExecution {
  const places = childrenIn(choice.rows, parent.executionId).map((child) =>
    child.parent?.isFinalize === false ? child.parent.indexInParent : -1,
  )
  return step(choice, parent, Math.max(-1, ...places) + 1)
}

function firstStep(choice: Choice, sequence: NewExecution): NewExecution {
  return step(choice, sequence, 0)
}

function step(choice: Choice, parent: Parent, index: number): NewExecution {
  const shape = choice.random.weighted({ ...SHAPES, sequence: 0 }, 'claimed')
  return childOf(parent, index, { executionId: choice.newId(), ...partsOf(choice, shape) })
}

function partsOf(choice: Choice, shape: Shape): Partial<NewExecution> {
  const { random } = choice
  const common: Partial<NewExecution> = {
    taskId: random.oneOf(...TASK_IDS),
    queue: random.oneOf(...QUEUES),
    input: random.chance(0.1) ? null : `"input ${random.integer(1, 99)}"`,
    timeoutMs: random.integer(500, 20_000),
    retryOptions: {
      maxAttempts: random.integer(0, 3),
      baseDelayMs: random.integer(0, 300),
      delayMultiplier: random.oneOf(1, 1.5, 2),
      maxDelayMs: 2000,
      jitter: random.oneOf(0, 0.5),
    },
  }
  const sleepMsBeforeRun = random.chance(0.4) ? random.integer(1, 2000) : 0
  const sleepingKey = random.oneOf(...SLEEPING_KEYS)
  switch (shape) {
    case 'ready':
      return { ...common, start: 'ready', sleepMsBeforeRun }
    case 'claimed':
      return { ...common, start: 'claimed' }
    case 'asleep':
      return { ...common, start: 'asleep', sleepingKey }
    case 'drowsy':
      return { ...common, start: 'ready', sleepingKey, sleepMsBeforeRun }
    case 'sequence':
      return { ...common, start: 'waiting', taskId: SEQUENCE, timeoutMs: null }
  }
}
