/** The settlements of random sequences: every end that a held execution may come to. */
import {
  isWaiting,
  settlementOf,
  transitions,
  type ExecutionRecord,
  type NewExecution,
  type Settlement,
  type SettleRequest,
} from 'durable-execution'

import { finalizeOf, storedError } from '../factory'
import { newChildren, newStep } from './new-trees'
import { aClaimant, MORTAL_EXECUTOR, QUEUES, SEQUENCE, type Choice } from './world'

const TIMED_OUT = storedError({ errorType: 'timed_out', code: 'timed_out', isRetryable: true })
const CANCELLED = storedError({ errorType: 'cancelled', code: 'cancelled' })

/** How many rows a sequence of operations lives with: above, no more children are made. */
const MAX_ROWS = 250

/** A settle of a few of the executions that the caller holds, now and then by a claim it has lost. */
export function settleRequest(choice: Choice): SettleRequest | null {
  const { random, rows } = choice
  const holders = new Set(rows.flatMap(({ executorId }) => executorId ?? []))
  if (random.chance(0.9)) holders.delete(MORTAL_EXECUTOR)
  const claimant = { ...aClaimant(choice), ...named(random.pick([...holders])) }
  const held = rows.filter(({ executorId }) => executorId === claimant.executorId)
  const others = rows.filter(({ executorId }) => executorId === null)
  const picked = [
    ...random.sample(held, random.integer(1, 5)),
    ...(random.chance(0.1) ? random.sample(others, 1) : []),
  ]
  const batch = withoutFamily(picked).map((record) =>
    random.chance(0.07) ? { ...record, claimCount: record.claimCount - 1 } : record,
  )
  if (batch.length === 0) return null
  const settlements = batch.map((record) => misled(choice, settlementFor(choice, record)))
  return { ...claimant, settlements, handOver: handOverOf(choice) }
}

/** Mostly somebody settles who has something to settle. */
function named(executorId: string | undefined): { executorId?: string } {
  return executorId === undefined ? {} : { executorId }
}

/** Now and then somebody is wrong about the status of what it holds. */
function misled({ random }: Choice, settlement: Settlement): Settlement {
  if (!random.chance(0.04)) return settlement
  const isRunning = settlement.expectedStatus === 'running'
  return { ...settlement, expectedStatus: isRunning ? 'waiting_for_children' : 'running' }
}

/** To whom parents go: mostly to the caller. */
export function handOverOf({ random }: Choice): SettleRequest['handOver'] {
  if (random.chance(0.15)) return null
  return { queues: random.chance(0.2) ? [random.oneOf(...QUEUES)] : QUEUES }
}

/** A batch never holds an execution together with its child. */
function withoutFamily(records: readonly ExecutionRecord[]): ExecutionRecord[] {
  const executionIds = new Set(records.map(({ executionId }) => executionId))
  return records.filter(({ parent }) => parent === null || !executionIds.has(parent.executionId))
}

function settlementFor(choice: Choice, record: ExecutionRecord): Settlement {
  if (isWaiting(record.status)) return resumption(choice, record)
  if (record.sleepingKey !== null) return endOfSleep(choice, record)
  return endOfRun(choice, record)
}

function endOfRun(choice: Choice, record: ExecutionRecord): Settlement {
  const { random, rows } = choice
  const output = random.chance(0.1) ? null : `"output ${random.integer(1, 99)}"`
  const mayGrow = rows.length < MAX_ROWS ? 1 : 0
  const kind = random.weighted(
    {
      next: 6,
      complete: 8,
      fail: 2,
      timeOut: 1,
      cancel: 1,
      retry: 4,
      children: 7 * mayGrow,
      finalize: 2 * mayGrow,
    },
    'complete',
  )
  switch (kind) {
    case 'next':
      return settlementOf(record, transitions.complete(record, output), nextStepOf(choice, record))
    case 'complete':
      return settlementOf(record, transitions.complete(record, output))
    case 'fail':
      return settlementOf(record, transitions.fail(record, storedError()))
    case 'timeOut':
      return settlementOf(record, transitions.fail(record, TIMED_OUT))
    case 'cancel':
      return settlementOf(record, transitions.fail(record, CANCELLED))
    case 'retry':
      return settlementOf(record, transitions.retryOrFail(record, TIMED_OUT, random.fraction()))
    case 'children': {
      const change = transitions.waitForChildren(record, output)
      return settlementOf(record, change, newChildren(choice, record))
    }
    case 'finalize':
      return withFinalize(choice, record, output)
  }
}

function endOfSleep(choice: Choice, record: ExecutionRecord): Settlement {
  if (record.startedAt === null && choice.random.chance(0.8)) {
    return settlementOf(record, transitions.fallAsleep(record))
  }
  const insertions = choice.random.chance(0.5) ? nextStepOf(choice, record) : []
  return settlementOf(record, transitions.fail(record, TIMED_OUT), insertions)
}

function resumption(choice: Choice, record: ExecutionRecord): Settlement {
  const { random } = choice
  const isSequence = record.taskId === SEQUENCE
  const hasFinalize = record.status === 'waiting_for_finalize'
  const kind = random.weighted(
    {
      complete: 4,
      fail: 1,
      next: isSequence && !hasFinalize ? 4 : 0,
      finalize: hasFinalize ? 0 : 3,
    },
    'complete',
  )
  switch (kind) {
    case 'complete':
      return settlementOf(record, transitions.complete(record, '"finalized"'))
    case 'fail':
      return settlementOf(record, transitions.fail(record, storedError()))
    case 'next': {
      const change = transitions.waitForNextChild(record)
      return settlementOf(record, change, [newStep(choice, record)])
    }
    case 'finalize':
      return withFinalize(choice, record, record.runOutput)
  }
}

function withFinalize(
  choice: Choice,
  record: ExecutionRecord,
  runOutput: string | null,
): Settlement {
  const start = choice.random.oneOf('claimed', 'ready')
  const finalize = finalizeOf(record, { executionId: choice.newId(), start, queue: record.queue })
  return settlementOf(record, transitions.waitForFinalize(record, runOutput), [finalize])
}

/** The next step, where the record is a step of a sequence. */
function nextStepOf(choice: Choice, { parent }: ExecutionRecord): NewExecution[] {
  const sequence = choice.rows.find(({ executionId }) => executionId === parent?.executionId)
  const isStep = sequence?.taskId === SEQUENCE && sequence.status === 'waiting_for_children'
  return isStep ? [newStep(choice, sequence)] : []
}
