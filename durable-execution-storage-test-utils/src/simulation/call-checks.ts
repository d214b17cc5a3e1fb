/** What must hold at the moment of a call: its answer, held against the rows before and after. */
import {
  isFinished,
  isHeld,
  isWaiting,
  type ExecutionRecord,
  type GuardedOutcome,
  type Settlement,
} from 'durable-execution'

import { nameRow, type History } from './history'
import type { SimulatedProcess } from './process'

/** Checks answers. */
export class CallChecks {
  private readonly history: History
  private readonly leaseMs: number
  /** Settlements that were done: what a repeat of each must answer. */
  private readonly settled = new Map<string, string>()
  /** `Infinity` during one. */
  private outageEndedAt = -Infinity

  constructor(history: History, leaseMs: number) {
    this.history = history
    this.leaseMs = leaseMs
  }

  /** A clean shutdown hands everything back at once, where nothing kept it from doing so. */
  checkHandedBack(process: SimulatedProcess): void {
    const { history, leaseMs } = this
    const book = history.books.get(process)
    if (!book || !process.isAlive) return
    const disturbedAt = Math.max(book.disturbedUntil, process.lastStoppedAt, this.outageEndedAt)
    if (history.now() - disturbedAt < 2 * leaseMs) return
    for (const row of history.rows.values()) {
      if (row.executorId === null || row.executorId !== book.executorId) continue
      history.violated('G3', `${process.name} was shut down and still holds ${nameRow(row)}`)
    }
  }

  outageBegan(): void {
    this.outageEndedAt = Infinity
  }

  outageEnded(): void {
    this.outageEndedAt = this.history.now()
  }

  checkClaim(
    process: SimulatedProcess,
    before: ExecutionRecord,
    record: ExecutionRecord,
    now: number,
  ): void {
    const { history } = this
    const what = `${process.name} claimed ${nameRow(before)}`
    if (before.claimAt === null || before.claimAt > now) {
      history.violated('G9', `${what} before it was due by the clock of the storage`)
    }
    if (record.claimCount !== before.claimCount + 1) {
      history.violated('G2', `${what} under an old claim`)
    }
    if (isWaiting(before.status) && before.activeChildrenCount !== 0) {
      history.violated(
        'G4',
        `${what} to resume it though ${before.activeChildrenCount} are active under it`,
      )
    }
    if (before.executorId === null) return
    history.takeovers.push({
      executionId: before.executionId,
      from: before.executorId,
      to: record.executorId ?? '',
      atMs: history.now(),
    })
    this.checkTakeover(process, before)
  }

  /** An executor that lives, and that nothing disturbed for a while, keeps its claims. */
  private checkTakeover(process: SimulatedProcess, before: ExecutionRecord): void {
    const { history, leaseMs } = this
    const owner = history.ownersById.get(before.executorId ?? '')
    if (!owner?.process.isAlive || owner.process.isStopped || owner.isShuttingDown) return
    const now = history.now()
    const quietSince = Math.max(owner.disturbedUntil, owner.process.lastStoppedAt)
    if (now - quietSince < 2 * leaseMs) return
    const isAfterOutage = now - this.outageEndedAt < 2 * leaseMs
    history.violated(
      isAfterOutage ? 'G6' : 'G3',
      `${process.name} took ${nameRow(before)} over from ${owner.process.name}, which lives and could renew it`,
    )
  }

  checkSettlement(
    process: SimulatedProcess,
    executorId: string,
    settlement: Settlement,
    before: ExecutionRecord | undefined,
    outcome: GuardedOutcome,
  ): void {
    const { history, settled } = this
    const { executionId, claimCount, expectedStatus, change } = settlement
    const key = `${executionId} ${claimCount} ${expectedStatus}`
    const fits = before?.executorId === executorId && fitsGuard(before, settlement)
    const what = `settle of ${process.name} answered ${outcome} of ${before ? nameRow(before) : executionId}`
    if (outcome === 'applied') {
      settled.set(key, change.status)
      if (!fits) history.violated('G2', `${what} under claim ${claimCount}, which it does not hold`)
    }
    if (outcome !== 'applied' && fits) history.violated('G2', `${what}, whose claim it holds`)
    const isDone = settled.get(key) === change.status
    if (outcome === 'repeated' && !isDone) history.violated('G2', `${what}, which was never stored`)
    const isUnmoved = before !== undefined && isAsWritten(before, settlement)
    if (outcome === 'lost' && isDone && isUnmoved) {
      history.violated('G2', `${what}, which it had stored before`)
    }
  }

  checkInsertion(process: SimulatedProcess, executionId: string): void {
    const { history } = this
    const row = history.rows.get(executionId)
    if (!row) {
      history.violated('G4', `settle of ${process.name} did not insert ${executionId}`)
      return
    }
    const parent = row.parent && history.rows.get(row.parent.executionId)
    if (parent && isFinished(parent.status) && !isFinished(row.status)) {
      history.violated(
        'G5',
        `settle of ${process.name} inserted ${nameRow(row)} under ${nameRow(parent)}`,
      )
    }
  }
}

function fitsGuard(row: ExecutionRecord, settlement: Settlement): boolean {
  return isHeld(row, settlement) && row.status === settlement.expectedStatus
}

/** Whether a row is as this settlement left it. */
function isAsWritten(row: ExecutionRecord, { claimCount, change }: Settlement): boolean {
  return row.claimCount === claimCount && row.executorId === null && row.status === change.status
}
