/**
 * The storage of a simulation: does what it is asked at once, and holds each answer against the rows before and after. What only the
 * moment of a call shows is checked here; what rows and books tell in the end, in `checks`.
 */
import {
  DurableExecutionError,
  isFinished,
  isHeld,
  type ExecutionRecord,
  type TaskExecutionsStorage,
} from 'durable-execution'

import { CallChecks } from './call-checks'
import type { CalledVerb } from './connection'
import { nameRow, type History } from './history'
import type { SimulatedProcess } from './process'
import { REFUSED } from './program-tasks'

/** A storage whose rows can be read all at once. */
export type SimulatedStorage = TaskExecutionsStorage & {
  dump(): readonly ExecutionRecord[]
}

type Verbs = TaskExecutionsStorage
type RequestOf<TVerb extends CalledVerb> = Parameters<Verbs[TVerb]>[0]
type AnswerOf<TVerb extends CalledVerb> = Awaited<ReturnType<Verbs[TVerb]>>

/** Serves calls. */
export class WatchedStorage {
  private readonly storage: SimulatedStorage
  private readonly history: History
  private readonly checks: CallChecks

  constructor(storage: SimulatedStorage, history: History, leaseMs: number) {
    this.storage = storage
    this.history = history
    this.checks = new CallChecks(history, leaseMs)
  }

  /** All rows. */
  dump(): readonly ExecutionRecord[] {
    return this.storage.dump()
  }

  /** Nothing is held by an executor that was shut down while nothing disturbed it. */
  checkHandedBack(process: SimulatedProcess): void {
    this.checks.checkHandedBack(process)
  }

  outageBegan(): void {
    this.checks.outageBegan()
  }

  outageEnded(): void {
    this.checks.outageEnded()
  }

  /** Does what is asked, and looks at what it did. */
  async serve(process: SimulatedProcess, verb: CalledVerb, request: unknown): Promise<unknown> {
    const claimant = (request as { executorId?: string }).executorId
    if (claimant !== undefined) this.history.identified(process, claimant)
    switch (verb) {
      case 'insert':
        return this.insert(process, request as RequestOf<'insert'>)
      case 'claim':
        return this.claim(process, request as RequestOf<'claim'>)
      case 'settle':
        return this.settle(process, request as RequestOf<'settle'>)
      case 'renew':
        return this.renew(process, request as RequestOf<'renew'>)
      case 'recover':
        return this.recover(process, request as RequestOf<'recover'>)
      case 'release':
        return this.release(process, request as RequestOf<'release'>)
      case 'wake':
        return this.wake(process, request as RequestOf<'wake'>)
      case 'cancel':
        return this.cancel(process, request as RequestOf<'cancel'>)
      default:
        return this.read(verb, request)
    }
  }

  /** These change nothing. */
  private read(verb: CalledVerb, request: unknown): Promise<unknown> {
    return (this.storage[verb] as (request: unknown) => Promise<unknown>)(request)
  }

  private async look(executionIds: readonly string[], by: string): Promise<void> {
    const { records } = await this.storage.get({ executionIds })
    for (const record of records) if (record) this.history.saw(record, by)
  }

  private async insert(process: SimulatedProcess, request: RequestOf<'insert'>): Promise<unknown> {
    const { history } = this
    const ids = request.executions.map(({ executionId }) => executionId)
    const had = ids.map((id) => history.rows.has(id))
    const answer = await this.storage.insert(request)
    await this.look(ids, `insert of ${process.name}`)
    ids.forEach((id, index) => {
      const kind = answer.outcomes[index]?.kind
      if (kind === 'inserted' && (had[index] || !history.rows.has(id))) {
        history.violated(
          'G1',
          `insert of ${process.name} answered inserted of ${id}, which ${had[index] ? 'was there before' : 'is not there'}`,
        )
      }
    })
    return answer
  }

  private async claim(
    process: SimulatedProcess,
    request: RequestOf<'claim'>,
  ): Promise<AnswerOf<'claim'>> {
    const { history } = this
    const answer = await this.storage.claim(request)
    for (const record of answer.records) {
      const before = history.rows.get(record.executionId)
      if (before) this.checks.checkClaim(process, before, record, answer.now)
    }
    await this.look(
      answer.records.map(({ executionId }) => executionId),
      `claim of ${process.name}`,
    )
    return answer
  }

  private async settle(process: SimulatedProcess, request: RequestOf<'settle'>): Promise<unknown> {
    const { history } = this
    for (const { change } of request.settlements) {
      const texts = [change.output, change.runOutput]
      if (texts.some((text) => text?.includes(REFUSED) === true)) throw refusal()
    }
    const before = request.settlements.map(({ executionId }) => history.rows.get(executionId))
    const answer = await this.storage.settle(request)
    const insertedIds = request.settlements.flatMap(({ insertions }, index) =>
      answer.outcomes[index]?.outcome === 'applied'
        ? insertions.map(({ executionId }) => executionId)
        : [],
    )
    const parentIds = request.settlements.flatMap(
      ({ parentExecutionId }) => parentExecutionId ?? [],
    )
    const ownIds = request.settlements.map(({ executionId }) => executionId)
    await this.look([...ownIds, ...insertedIds, ...parentIds], `settle of ${process.name}`)
    request.settlements.forEach((settlement, index) => {
      const outcome = answer.outcomes[index]?.outcome ?? 'lost'
      this.checks.checkSettlement(process, request.executorId, settlement, before[index], outcome)
    })
    for (const id of insertedIds) this.checks.checkInsertion(process, id)
    return answer
  }

  private async renew(process: SimulatedProcess, request: RequestOf<'renew'>): Promise<unknown> {
    const { history } = this
    const before = request.claims.map(({ executionId }) => history.rows.get(executionId))
    const answer = await this.storage.renew(request)
    await this.look(
      request.claims.map(({ executionId }) => executionId),
      `renew of ${process.name}`,
    )
    request.claims.forEach((claim, index) => {
      const row = before[index]
      const isOwn = isHeld(row, claim)
      const outcome = answer.outcomes[index] ?? 'lost'
      const what = `renew of ${process.name} answered ${outcome} of ${row ? nameRow(row) : claim.executionId}`
      if (outcome === 'renewed' && !isOwn) {
        history.violated('G2', `${what}, whose claim ${claim.claimCount} is lost`)
      }
      if (outcome === 'lost' && isOwn) history.violated('G3', `${what}, whose claim it holds`)
      const after = history.rows.get(claim.executionId)
      if (outcome === 'renewed' && (after?.claimAt ?? 0) < (row?.claimAt ?? 0)) {
        history.violated('G3', `${what} and shortened its lease`)
      }
    })
    return answer
  }

  private async recover(
    process: SimulatedProcess,
    request: RequestOf<'recover'>,
  ): Promise<unknown> {
    const answer = await this.storage.recover(request)
    for (const record of answer.records) {
      if (record.executorId === request.executorId) continue
      this.history.violated(
        'G2',
        `recover of ${process.name} answered ${nameRow(record)}, which is not its own`,
      )
    }
    return answer
  }

  private async release(
    process: SimulatedProcess,
    request: RequestOf<'release'>,
  ): Promise<unknown> {
    const { history } = this
    const before = request.claims.map(({ executionId }) => history.rows.get(executionId))
    const answer = await this.storage.release(request)
    await this.look(
      request.claims.map(({ executionId }) => executionId),
      `release of ${process.name}`,
    )
    request.claims.forEach(({ executionId }, index) => {
      const row = before[index]
      const after = history.rows.get(executionId)
      if (!row || !after || answer.outcomes[index] !== 'applied') return
      if (after.attempt !== row.attempt || after.takeovers !== row.takeovers) {
        history.violated('G3', `release of ${process.name} burned an attempt of ${nameRow(row)}`)
      }
    })
    return answer
  }

  private async wake(
    process: SimulatedProcess,
    request: RequestOf<'wake'>,
  ): Promise<AnswerOf<'wake'>> {
    const answer = await this.storage.wake(request)
    const ids = [answer.record?.executionId, answer.record?.parent?.executionId]
    await this.look(
      ids.flatMap((id) => id ?? []),
      `wake of ${process.name}`,
    )
    return answer
  }

  private async cancel(process: SimulatedProcess, request: RequestOf<'cancel'>): Promise<unknown> {
    const { history } = this
    const answer = await this.storage.cancel(request)
    const rows = this.storage.dump()
    for (const row of rows) history.saw(row, `cancel of ${process.name}`)
    for (const id of request.executionIds) history.cancelledIds.add(id)
    const doomed = new Set(request.executionIds)
    for (let size = 0; size < doomed.size;) {
      size = doomed.size
      for (const { executionId, parent } of rows) {
        if (parent && doomed.has(parent.executionId)) doomed.add(executionId)
      }
    }
    for (const row of rows) {
      if (!doomed.has(row.executionId) || isFinished(row.status)) continue
      history.violated('G5', `cancel of ${process.name} left ${nameRow(row)} active`)
    }
    return answer
  }
}

function refusal(): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`The storage refuses texts with ${REFUSED}`, {
    code: 'storage',
  })
}
