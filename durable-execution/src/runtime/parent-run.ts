/** What a parent's function returned: checked, and turned into the rows of its children. */
import { DurableExecutionError } from '../errors'
import type { ExecutionRecord, NewExecution } from '../execution/record'
import { propertyOf, show } from '../lib/validation'
import type { ResolvedOptions } from '../options'
import { readChild } from '../task/children'
import type { ParentDefinition, ParentRunShape } from '../task/definition'
import { EXECUTION_OPTIONS, readExecutionOptions } from '../task/options'
import { planExecution, type Planner } from './plan'

/** What planning children needs to know. */
export interface ChildPlanner extends Planner {
  readonly options: ResolvedOptions
}

/** @throws A non-retryable `DurableExecutionError` if it is not `{ output, children }`. */
export function checkParentRun(
  planner: ChildPlanner,
  record: ExecutionRecord,
  value: unknown,
): ParentRunShape {
  const children = propertyOf(value, 'children')
  if (!Array.isArray(children)) {
    throw invalid(
      record,
      `it returned ${show(value)}, expected { output, children: [childTask(…), …] }`,
    )
  }
  const { maxChildrenPerTaskExecution: limit } = planner.options
  if (children.length > limit) {
    throw invalid(
      record,
      `it returned ${children.length} children, of which ${limit} are allowed; nest parents, or raise maxChildrenPerTaskExecution`,
    )
  }
  return { output: propertyOf(value, 'output'), children }
}

function invalid(record: ExecutionRecord, problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(
    `Invalid run of parent task ${record.taskId}: ${problem}`,
    {
      code: 'invalid_task',
    },
  )
}

/** The rows of all children. @throws What is wrong with the first wrong one. */
export function planChildren(
  planner: ChildPlanner,
  record: ExecutionRecord,
  children: ParentRunShape['children'],
): NewExecution[] {
  // Not `map`, which passes over the holes of a list.
  return Array.from(children, (child, index) => planChild(planner, record, child, index)).flat()
}

function planChild(
  planner: ChildPlanner,
  record: ExecutionRecord,
  child: unknown,
  index: number,
): NewExecution[] {
  const read = readChild(child, index)
  if (!read.isValid) throw invalid(record, read.problem)
  const { taskId } = read.value
  const options = readExecutionOptions(read.value.options, EXECUTION_OPTIONS, taskId)
  const input = planner.codec.encode(read.value.input, `Input of child ${index} (task ${taskId})`, {
    bytes: planner.options.maxSerializedInputDataSize,
    option: 'maxSerializedInputDataSize',
  })
  const parent = {
    taskId: record.taskId,
    executionId: record.executionId,
    indexInParent: index,
    isFinalize: false,
  }
  const place = { root: record.root, parent, queue: record.queue }
  return planExecution(planner, { taskId, input, options, place })
}

/** The rows of a parent's finalize. Its input is put together when it runs. */
export function planFinalize(
  planner: Planner,
  record: ExecutionRecord,
  definition: ParentDefinition & { finalizeId: string },
): NewExecution[] {
  const parent = {
    taskId: record.taskId,
    executionId: record.executionId,
    indexInParent: 0,
    isFinalize: true,
  }
  const place = { root: record.root, parent, queue: record.queue }
  return planExecution(planner, { taskId: definition.finalizeId, input: null, place })
}

/** Whether this parent has a finalize. */
export function hasFinalize(
  definition: ParentDefinition,
): definition is ParentDefinition & { finalizeId: string } {
  return definition.finalizeId !== null
}
