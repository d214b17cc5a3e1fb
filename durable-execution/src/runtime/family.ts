/** What a parent and its finalize see: the parent's own output and its finished children. Under a limit; what has to be read, in pages. */
import { DurableExecutionError } from '../errors'
import { errorOf } from '../execution/execution'
import type { ExecutionRecord } from '../execution/record'
import type { FinishedChild } from '../task/children'
import type { EndedChild, FamilyParent } from './known-families'
import type { Runtime } from './runtime'

const PAGE_SIZE = 500

/** The input of a finalize, or the output of a parent without one. */
export interface Family {
  readonly output: unknown
  readonly children: readonly FinishedChild[]
}

/** A page of children after `after`, and the finalize. */
export async function readChildren<TTransaction>(
  runtime: Runtime<TTransaction>,
  parentExecutionId: string,
  after: number,
  limit: number,
): Promise<{ children: readonly ExecutionRecord[]; finalize: ExecutionRecord | null }> {
  return runtime.storage.untilAnswered('getChildren', (storage, signal) =>
    storage.getChildren({ parentExecutionId, after, limit, signal }),
  )
}

/** @throws A non-retryable `DurableExecutionError` if the family is larger than `maxFinalizeInputBytes`. */
export async function readFamily<TTransaction>(
  runtime: Runtime<TTransaction>,
  parent: FamilyParent,
): Promise<Family> {
  const { codec, options } = runtime
  const what = `Output of execution ${parent.executionId}`
  const children: FinishedChild[] = []
  let bytes = parent.runOutput?.length ?? 0
  for await (const page of pagesOf(runtime, parent)) {
    for (const child of page) {
      bytes += child.output?.length ?? 0
      if (bytes > options.maxFinalizeInputBytes) {
        throw familyTooLarge(parent, options.maxFinalizeInputBytes)
      }
      children.push(toFinishedChild(runtime, child))
    }
  }
  return { output: codec.decode(parent.runOutput, what), children }
}

/** The children of a parent in their order: those that all ended here as they are known, others page by page. */
async function* pagesOf<TTransaction>(
  runtime: Runtime<TTransaction>,
  parent: FamilyParent,
): AsyncGenerator<readonly EndedChild[]> {
  const known = runtime.families.childrenOf(parent)
  if (known) {
    yield known
    return
  }
  for (let after = -1; ;) {
    const { children } = await readChildren(runtime, parent.executionId, after, PAGE_SIZE)
    yield children
    const last = children.at(-1)
    if (last === undefined || children.length < PAGE_SIZE) return
    after = last.parent?.indexInParent ?? after
  }
}

function familyTooLarge(parent: FamilyParent, limit: number): DurableExecutionError {
  return DurableExecutionError.nonRetryable(
    `Children of execution ${parent.executionId} of task ${parent.taskId} have outputs of more than ${limit} bytes together: return references instead, or raise maxFinalizeInputBytes`,
    { code: 'too_large' },
  )
}

function toFinishedChild<TTransaction>(
  runtime: Runtime<TTransaction>,
  child: EndedChild,
): FinishedChild {
  const { taskId, executionId, status } = child
  switch (status) {
    case 'completed': {
      const output = runtime.codec.decode(child.output, `Output of execution ${executionId}`)
      return { taskId, executionId, status, output }
    }
    case 'failed':
    case 'timed_out':
    case 'finalize_failed':
    case 'cancelled':
      return { taskId, executionId, status, error: errorOf(child) }
    case 'ready':
    case 'running':
    case 'waiting_for_children':
    case 'waiting_for_finalize':
      throw DurableExecutionError.nonRetryable(
        `Execution ${executionId} is ${status} though its parent was resumed`,
        { code: 'storage', isInternal: true },
      )
  }
}
