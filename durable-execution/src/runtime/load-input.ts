/** What a function gets: the stored input, or a parent's family for a finalize; checked where the task (or its chain) asks for it. */
import { DurableExecutionNotFoundError } from '../errors'
import type { ExecutionRecord } from '../execution/record'
import { isChain, type TaskDefinition } from '../task/definition'
import { runValidation } from '../task/input'
import { readFamily } from './family'
import type { Runtime } from './runtime'

/** A loaded input. */
export interface LoadedInput {
  readonly input: unknown
  /** Checks the input and answers what the function gets; `null` where nothing is to be checked. It is user code. */
  readonly validate: (() => Promise<unknown>) | null
}

/**
 * Only a finalize has to wait for the storage.
 *
 * @throws What the storage refuses, what can't be decoded, a family too large.
 */
export function loadInput<TTransaction>(
  runtime: Runtime<TTransaction>,
  record: ExecutionRecord,
  definition: TaskDefinition,
): LoadedInput | Promise<LoadedInput> {
  const { parent } = record
  if (parent?.isFinalize) return loadFamily(runtime, record, definition, parent.executionId)
  const input = runtime.codec.decode(record.input, `Input of execution ${record.executionId}`)
  return checkedInput(runtime, record, definition, input)
}

async function loadFamily<TTransaction>(
  runtime: Runtime<TTransaction>,
  record: ExecutionRecord,
  definition: TaskDefinition,
  parentExecutionId: string,
): Promise<LoadedInput> {
  const parent = runtime.families.parentOf(record) ?? (await readParent(runtime, parentExecutionId))
  const family = await readFamily(runtime, parent)
  return checkedInput(runtime, record, definition, family)
}

function checkedInput<TTransaction>(
  runtime: Runtime<TTransaction>,
  record: ExecutionRecord,
  definition: TaskDefinition,
  input: unknown,
): LoadedInput {
  const chain = chainOf(runtime, record)
  const ofChain = chain?.validateInput
  const ofTask = definition.validateInput
  if (!ofChain && !ofTask) return { input, validate: null }
  const validate = async (): Promise<unknown> => {
    const checked = ofChain ? await runValidation(chain.id, ofChain, input) : input
    return ofTask ? runValidation(definition.id, ofTask, checked) : checked
  }
  return { input, validate }
}

/** A chain runs nothing of its own: its input is checked by its first step, that of a loop by each iteration. */
function chainOf<TTransaction>(
  runtime: Runtime<TTransaction>,
  { parent }: ExecutionRecord,
): TaskDefinition | undefined {
  if (parent === null || parent.isFinalize) return undefined
  const definition = runtime.registry.find(parent.taskId)
  if (!isChain(definition)) return undefined
  return definition.kind === 'loop' || parent.indexInParent === 0 ? definition : undefined
}

async function readParent<TTransaction>(
  runtime: Runtime<TTransaction>,
  executionId: string,
): Promise<ExecutionRecord> {
  const { records } = await runtime.storage.untilAnswered('get', (storage, signal) =>
    storage.get({ executionIds: [executionId], signal }),
  )
  const parent = records[0]
  if (parent) return parent
  throw new DurableExecutionNotFoundError(`Parent execution ${executionId} is not in the storage`)
}
