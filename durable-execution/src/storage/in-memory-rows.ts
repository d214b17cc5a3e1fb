/** The rows of the in-memory storage with the look-ups that the verbs need. Records are replaced, never changed. */
import type { ExecutionRecord } from '../execution/record'
import { isFinished } from '../execution/status'

/** Records by id, by parent and by sleeping key. */
export class Rows {
  private readonly byId = new Map<string, ExecutionRecord>()
  private readonly childIds = new Map<string, Set<string>>()
  /** Rows with a `claimAt`: what a claim has to look at. */
  private readonly claimableIds = new Set<string>()
  private readonly activeBySleepingKey = new Map<string, string>()
  private readonly finishedBySleepingKey = new Map<string, Set<string>>()
  /** Told of each row that is put, with what it was before. */
  onPut: (before: ExecutionRecord | undefined, after: ExecutionRecord) => void = () => undefined

  get(executionId: string): ExecutionRecord | undefined {
    return this.byId.get(executionId)
  }

  /** Inserts or replaces. */
  put(record: ExecutionRecord): void {
    const before = this.byId.get(record.executionId)
    if (before) this.unlink(before)
    this.byId.set(record.executionId, record)
    this.link(record)
    this.onPut(before, record)
  }

  delete(record: ExecutionRecord): void {
    this.unlink(record)
    this.byId.delete(record.executionId)
    if (record.parent) this.childIds.get(record.parent.executionId)?.delete(record.executionId)
    this.childIds.delete(record.executionId)
  }

  /** Children in order, the finalize after them. */
  childrenOf(executionId: string): ExecutionRecord[] {
    const children = this.pick(this.childIds.get(executionId) ?? [])
    return children.sort((a, b) => orderInParent(a) - orderInParent(b))
  }

  /** The active execution that holds this key. */
  activeSleeper(sleepingKey: string): ExecutionRecord | undefined {
    const executionId = this.activeBySleepingKey.get(sleepingKey)
    return executionId === undefined ? undefined : this.byId.get(executionId)
  }

  /** The newest finished execution that had this key. */
  finishedSleeper(sleepingKey: string): ExecutionRecord | undefined {
    const finished = this.pick(this.finishedBySleepingKey.get(sleepingKey) ?? [])
    return finished.sort(newestFirst)[0]
  }

  /** Rows of a queue that are due in this time, the one due first at the front. */
  due(queue: string, from: number, until: number): ExecutionRecord[] {
    return this.claimable(queue)
      .filter((record) => claimAt(record) >= from && claimAt(record) <= until)
      .sort((a, b) => claimAt(a) - claimAt(b))
  }

  /** The moment at which the first row of a queue is due. */
  firstDueAt(queue: string): number | null {
    const first = this.claimable(queue).reduce(
      (least, record) => Math.min(least, claimAt(record)),
      Infinity,
    )
    return first === Infinity ? null : first
  }

  /** All rows of a queue that time makes due. */
  private claimable(queue: string): ExecutionRecord[] {
    return this.pick(this.claimableIds).filter((record) => record.queue === queue)
  }

  /** All rows, ordered by id. */
  all(): ExecutionRecord[] {
    return [...this.byId.values()].sort((a, b) => (a.executionId < b.executionId ? -1 : 1))
  }

  private pick(executionIds: Iterable<string>): ExecutionRecord[] {
    return [...executionIds].flatMap((executionId) => this.byId.get(executionId) ?? [])
  }

  private link(record: ExecutionRecord): void {
    const { executionId, parent } = record
    if (parent) addTo(this.childIds, parent.executionId, executionId)
    if (record.claimAt !== null) this.claimableIds.add(executionId)
    if (record.sleepingKey === null) return
    if (isFinished(record.status)) {
      addTo(this.finishedBySleepingKey, activeKeyOf(record.sleepingKey), executionId)
    } else {
      this.activeBySleepingKey.set(record.sleepingKey, executionId)
    }
  }

  private unlink(record: ExecutionRecord): void {
    this.claimableIds.delete(record.executionId)
    if (record.sleepingKey === null) return
    if (isFinished(record.status)) {
      this.finishedBySleepingKey.get(activeKeyOf(record.sleepingKey))?.delete(record.executionId)
    } else {
      this.activeBySleepingKey.delete(record.sleepingKey)
    }
  }
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key)
  if (values) values.add(value)
  else map.set(key, new Set([value]))
}

/** The key before the execution id that finishing appended. */
function activeKeyOf(finishedKey: string): string {
  const end = finishedKey.indexOf(':')
  return end === -1 ? finishedKey : finishedKey.slice(0, end)
}

function claimAt(record: ExecutionRecord): number {
  return record.claimAt ?? Infinity
}

function orderInParent({ parent }: ExecutionRecord): number {
  return parent === null || parent.isFinalize ? Infinity : parent.indexInParent
}

function newestFirst(a: ExecutionRecord, b: ExecutionRecord): number {
  const byTime = (b.finishedAt ?? 0) - (a.finishedAt ?? 0)
  return byTime === 0 ? (a.executionId < b.executionId ? 1 : -1) : byTime
}
