/** How cases begin: executions and trees in the state that a case is about. */
import {
  settlementOf,
  transitions,
  type ExecutionRecord,
  type NewExecution,
  type Settlement,
  type SettleRequest,
} from 'durable-execution'

import { claimOf, type ConformanceContext } from './context'
import {
  childOf,
  finalizeOf,
  LEASE_MS,
  newExecution,
  newSleeper,
  OTHER_EXECUTOR,
  storedError,
} from './factory'
import { present, same } from './lib/same'

/** Inserts one execution and answers its row. */
export async function inserted(
  context: ConformanceContext,
  execution: NewExecution,
  parts: Parameters<ConformanceContext['insert']>[1] = {},
): Promise<ExecutionRecord> {
  same(await context.insert([execution], parts), [{ kind: 'inserted' }], 'outcomes of the insert')
  return context.row(execution.executionId)
}

/** Inserts one execution that the calling executor runs. */
export function started(
  context: ConformanceContext,
  executionId: string,
  parts: Partial<NewExecution> = {},
): Promise<ExecutionRecord> {
  return inserted(context, newExecution({ executionId, start: 'claimed', ...parts }))
}

/** Inserts executions that the calling executor runs, and answers their rows. */
export async function allStarted(
  context: ConformanceContext,
  ...executionIds: readonly string[]
): Promise<ExecutionRecord[]> {
  const rows: ExecutionRecord[] = []
  for (const executionId of executionIds) rows.push(await started(context, executionId))
  return rows
}

/** Inserts one execution that another executor runs. */
export function startedElsewhere(
  context: ConformanceContext,
  executionId: string,
  parts: Partial<NewExecution> = {},
): Promise<ExecutionRecord> {
  const execution = newExecution({ executionId, start: 'claimed', ...parts })
  return inserted(context, execution, { executorId: OTHER_EXECUTOR })
}

/** Inserts an execution that sleeps. */
export function asleep(
  context: ConformanceContext,
  executionId: string,
  sleepingKey: string,
  parts: Partial<NewExecution> = {},
): Promise<ExecutionRecord> {
  return inserted(context, newSleeper(executionId, sleepingKey, parts))
}

/** A settlement that completes an execution. */
export function completion(
  record: ExecutionRecord,
  insertions: readonly NewExecution[] = [],
): Settlement {
  return settlementOf(record, transitions.complete(record, '"output"'), insertions)
}

/** A settlement that fails an execution. */
export function failure(record: ExecutionRecord): Settlement {
  return settlementOf(record, transitions.fail(record, storedError()))
}

/** A settlement that makes an execution wait for children. */
export function waiting(record: ExecutionRecord, children: readonly NewExecution[]): Settlement {
  return settlementOf(record, transitions.waitForChildren(record, '"run output"'), children)
}

/** Completes executions that the calling executor holds. */
export async function completed(
  context: ConformanceContext,
  executionIds: readonly string[],
  parts: Partial<SettleRequest> = {},
): Promise<Awaited<ReturnType<ConformanceContext['settle']>>> {
  const settlements: Settlement[] = []
  for (const executionId of executionIds) {
    settlements.push(completion(await context.row(executionId)))
  }
  const answer = await context.settle(settlements, parts)
  const outcomes = answer.outcomes.map(({ outcome }) => outcome)
  same(
    outcomes,
    executionIds.map(() => 'applied'),
    `outcomes of completing ${executionIds.join(', ')}`,
  )
  return answer
}

/** What a case says of a child: at least its id. It is claimed unless it says otherwise. */
export type ChildParts = Partial<NewExecution> & { readonly executionId: string }

/** The children of a parent, ready to insert. */
export function childrenOf(
  parent: Parameters<typeof childOf>[0],
  children: readonly ChildParts[],
): NewExecution[] {
  return children.map((child, index) => childOf(parent, index, { start: 'claimed', ...child }))
}

/** Children that need nothing but an id. */
export function named(...executionIds: readonly string[]): ChildParts[] {
  return executionIds.map((executionId) => ({ executionId }))
}

/** Inserts a root and settles it to wait for these children. Answers the parent's row. */
export async function waitingParent(
  context: ConformanceContext,
  executionId: string,
  children: readonly ChildParts[],
  parts: Partial<NewExecution> = {},
): Promise<ExecutionRecord> {
  const root = await started(context, executionId, parts)
  return underway(context, root, children)
}

/** Settles an execution that the calling executor runs to wait for these children. Answers its row. */
export async function underway(
  context: ConformanceContext,
  parent: ExecutionRecord,
  children: readonly ChildParts[],
): Promise<ExecutionRecord> {
  const settlement = waiting(parent, childrenOf(parent, children))
  const { outcomes } = await context.settle([settlement], { handOver: null })
  same(outcomes[0]?.outcome, 'applied', `outcome of ${parent.executionId} waiting for children`)
  return context.row(parent.executionId)
}

/** Inserts a root that waits for its finalize. Answers the root's row. */
export async function waitingForFinalize(
  context: ConformanceContext,
  executionId: string,
  finalize: ChildParts,
): Promise<ExecutionRecord> {
  const root = await started(context, executionId)
  const change = transitions.waitForFinalize(root, '"run output"')
  const row = finalizeOf(root, { start: 'claimed', ...finalize })
  await context.settle([settlementOf(root, change, [row])], { handOver: null })
  return context.row(executionId)
}

/** A sequence to insert: a waiting root and its first step. */
export function newSequence(executionId: string, step: ChildParts): NewExecution[] {
  const root = newExecution({ executionId, taskId: 'sequence', timeoutMs: null, start: 'waiting' })
  return [root, childOf(root, 0, step)]
}

/** The next step of a sequence, after the one at `indexInParent - 1`. */
export function nextStep(
  root: ExecutionRecord,
  indexInParent: number,
  step: ChildParts,
): NewExecution {
  return childOf(root, indexInParent, { start: 'claimed', ...step })
}

/** A chain of parents `p0` ← `p1` ← …, each waiting for the next; the last one runs. */
export async function deepTree(context: ConformanceContext, depth: number): Promise<string[]> {
  let record = await started(context, 'p0')
  const executionIds = ['p0']
  for (let level = 1; level <= depth; level += 1) {
    const executionId = `p${level}`
    await underway(context, record, named(executionId))
    record = await context.row(executionId)
    executionIds.push(executionId)
  }
  return executionIds
}

/** Lets the lease of a held execution lapse and has another executor take it over. Answers its row. */
export async function takenOver(
  context: ConformanceContext,
  executionId: string,
  executorId = OTHER_EXECUTOR,
): Promise<ExecutionRecord> {
  context.advance(LEASE_MS)
  const { records } = await context.claim({ executorId })
  return present(
    records.find((record) => record.executionId === executionId),
    `takeover of ${executionId}`,
  )
}

/** Has its executor lost twice under one attempt: the next takeover, or release and claim, is of a suspect. */
export async function suspect(
  context: ConformanceContext,
  executionId: string,
): Promise<ExecutionRecord> {
  await started(context, executionId)
  await takenOver(context, executionId)
  context.advance(LEASE_MS)
  const { records } = await context.claim({ suspects: 'only' })
  const record = present(records[0], 'claim of the suspect')
  await context.release([claimOf(record)])
  return context.row(executionId)
}
