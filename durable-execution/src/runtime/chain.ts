/** Sequences and loops: what follows a step that completed, and what a chain ends as. */
import { DurableExecutionError, messageOf } from '../errors'
import type { ExecutionRecord, NewExecution } from '../execution/record'
import { isDelay, MAX_DURATION_MS } from '../execution/retry'
import { propertyOf, show } from '../lib/validation'
import type { ResolvedOptions } from '../options'
import { isChain, type ChainDefinition, type LoopDefinition } from '../task/definition'
import { planStep, type Planner, type Step } from './plan'

/** What deciding on chains needs to know. */
export interface ChainPlanner extends Planner {
  readonly options: Pick<ResolvedOptions, 'maxSerializedInputDataSize'>
}

/** A step that completed. */
export interface CompletedStep {
  readonly index: number
  readonly input: string | null
  readonly output: string | null
}

/** What an iteration of a loop returns. */
interface IterationOutput {
  readonly isDone: boolean
  readonly output?: unknown
}

/** What follows a completed step: another one, or the serialized output of the chain. */
export type AfterStep =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'done'; readonly output: unknown }
  /** The output of the last step, as it is. */
  | { readonly kind: 'doneAsIs' }

/** Decides what follows a completed step. */
export function afterStep(
  planner: ChainPlanner,
  definition: ChainDefinition,
  completed: CompletedStep,
): AfterStep {
  const index = completed.index + 1
  if (definition.kind === 'sequence') {
    if (index >= definition.stepIds.length) return { kind: 'doneAsIs' }
    return { kind: 'step', step: { index, input: completed.output, delayMs: 0 } }
  }
  const iteration = readIteration(planner, definition, completed)
  if (iteration.isDone) {
    return { kind: 'done', output: { isSuccess: true, output: iteration.output } }
  }
  if (index >= definition.maxIterations) return { kind: 'done', output: { isSuccess: false } }
  const delayMs = sleepBefore(definition, index)
  return { kind: 'step', step: { index, input: completed.input, delayMs } }
}

function readIteration(
  planner: ChainPlanner,
  definition: LoopDefinition,
  completed: CompletedStep,
): IterationOutput {
  const { iterationId, id } = definition
  const output = planner.codec.decode(completed.output, `Output of task ${iterationId}`)
  if (typeof propertyOf(output, 'isDone') === 'boolean') return output as IterationOutput
  throw DurableExecutionError.nonRetryable(
    `Iteration ${completed.index} of loop ${id} returned ${show(output)}: expected { isDone: true, output } or { isDone: false }`,
    { code: 'invalid_task' },
  )
}

function sleepBefore(definition: LoopDefinition, index: number): number {
  let ms: unknown
  try {
    ms = definition.sleepMsBefore(index)
  } catch (error) {
    throw invalidSleep(definition, index, `threw: ${messageOf(error)}`)
  }
  if (isDelay(ms)) return Math.round(ms)
  throw invalidSleep(definition, index, `returned ${show(ms)}`)
}

function invalidSleep(
  { id }: LoopDefinition,
  index: number,
  problem: string,
): DurableExecutionError {
  return DurableExecutionError.nonRetryable(
    `Invalid sleep ms before run for task ${id}: for iteration ${index} its function ${problem}; expected a number of at least 0 and at most ${MAX_DURATION_MS}`,
    { code: 'invalid_task' },
  )
}

/** The rows of the next step of a chain. */
export function planNextStep(
  planner: ChainPlanner,
  definition: ChainDefinition,
  chain: Pick<ExecutionRecord, 'executionId' | 'root' | 'queue'>,
  step: Step,
): NewExecution[] {
  planner.codec.checkSize(step.input, `Input of step ${step.index} of ${definition.id}`, {
    bytes: planner.options.maxSerializedInputDataSize,
    option: 'maxSerializedInputDataSize',
  })
  return planStep(planner, definition, chain, step)
}

/**
 * The rows that go with the end of a completed step: its settlement inserts the next one, so that a chain costs one commit a step.
 * None where it is the last, where this executor does not know the chain, and where the next can't be planned: then the chain is
 * resumed, and ends with what is wrong.
 */
export function nextStepRows(
  planner: ChainPlanner,
  record: ExecutionRecord,
  output: string | null,
): NewExecution[] {
  const { parent } = record
  if (parent === null || parent.isFinalize) return []
  const definition = planner.registry.find(parent.taskId)
  if (!isChain(definition)) return []
  // A step with a queue of its own does not tell that of its chain, which a next step without one would need.
  if (planner.registry.find(record.taskId)?.queue !== null) return []
  const chain = { executionId: parent.executionId, root: record.root, queue: record.queue }
  try {
    const completed = { index: parent.indexInParent, input: record.input, output }
    const next = afterStep(planner, definition, completed)
    return next.kind === 'step' ? planNextStep(planner, definition, chain, next.step) : []
  } catch {
    return []
  }
}
