/** Checks and reckonings that every storage shares, whatever its database. */
import { DurableExecutionError } from '../errors'
import type { Claim, ExecutionRecord } from '../execution/record'
import type { Settlement } from '../execution/settlement'
import { isTakeover } from '../execution/transitions'
import type { GuardedOutcome, TakeOver } from './storage'

/**
 * Refuses a batch that holds an execution twice, or together with one of its children: a database may write a row that a
 * statement matches twice only once, silently.
 *
 * @throws A non-retryable `DurableExecutionError`.
 */
export function assertOneWritePerRow(settlements: readonly Settlement[]): void {
  const executionIds = new Set<string>()
  for (const { executionId } of settlements) {
    if (executionIds.has(executionId)) refuse(`execution ${executionId} twice`)
    executionIds.add(executionId)
  }
  for (const { executionId, parentExecutionId } of settlements) {
    if (parentExecutionId !== null && executionIds.has(parentExecutionId)) {
      refuse(`execution ${executionId} together with its parent ${parentExecutionId}`)
    }
  }
}

function refuse(what: string): never {
  throw DurableExecutionError.nonRetryable(
    `A batch of settlements holds ${what}: settle them in separate calls`,
    { code: 'storage', isInternal: true },
  )
}

/** The columns of a row that guard a write. */
export type GuardedRow = Pick<
  ExecutionRecord,
  'claimCount' | 'status' | 'executorId' | 'sleepingKey'
>

/** Whether a claim that takes over so may take this record. */
export function fitsTakeOver(record: ExecutionRecord, takeOver: TakeOver): boolean {
  return takeOver === 'also' || isTakeover(record) === (takeOver === 'only')
}

/** Whether somebody holds the row under this very claim. */
export function isHeld(row: GuardedRow | undefined, claim: Claim): boolean {
  return row?.claimCount === claim.claimCount && row.executorId !== null
}

/**
 * What a settlement meets. `repeated`: the row has this claim count and the very status the settlement writes, and nobody holds
 * it: an earlier call did it.
 */
export function guardSettlement(
  row: GuardedRow | undefined,
  settlement: Settlement,
): GuardedOutcome {
  if (isHeld(row, settlement)) {
    return row?.status === settlement.expectedStatus ? 'applied' : 'lost'
  }
  const isRepeat =
    row?.claimCount === settlement.claimCount && row.status === settlement.change.status
  return isRepeat ? 'repeated' : 'lost'
}
