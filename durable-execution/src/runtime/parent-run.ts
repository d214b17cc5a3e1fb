/** What a parent's function returned: checked, and turned into the rows of its children. */
import { DurableExecutionError } from '../errors'
import type { ExecutionRecord, NewExecution } from '../execution/record'
import { show } from '../lib/validation'
import type { ResolvedOptions } from '../options'
import type { ChildTask } from '../task/children'
import type { ParentDefinition, ParentRunShape } from '../task/definition'
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
  if (
    typeof value !== 'object' ||
    value === null ||
    !Array.isArray(Reflect.get(value, 'children'))
  ) {
    throw invalid(
      record,
      `it returned ${show(value)}, expected { output, children: [childTask(…), …] }`,
    )
  }
  const run = value as ParentRunShape
  const { maxChildrenPerTaskExecution: limit } = planner.options
  if (run.children.length > limit) {
    throw invalid(
      record,
      `it returned ${run.children.length} children, of which ${limit} are allowed; nest parents, or raise maxChildrenPerTaskExecution`,
    )
  }
  return run
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
  return children.flatMap((child, index) => planChild(planner, record, child, index))
}

function planChild(
  planner: ChildPlanner,
  record: ExecutionRecord,
  child: ChildTask,
  index: number,
): NewExecution[] {
  const taskId = childTaskId(record, child, index)
  const input = planner.codec.encode(child.input, `Input of child ${index} (task ${taskId})`, {
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
  return planExecution(planner, { taskId, input, options: child.options, place })
}

/** Children come from user code without types too. */
function childTaskId(record: ExecutionRecord, child: unknown, index: number): string {
  const task: unknown =
    typeof child === 'object' && child !== null ? Reflect.get(child, 'task') : undefined
  const taskId: unknown =
    typeof task === 'object' && task !== null ? Reflect.get(task, 'id') : undefined
  if (typeof taskId === 'string') return taskId
  throw invalid(record, `child ${index} is ${show(child)}, expected childTask(task, input)`)
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
