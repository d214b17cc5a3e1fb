/** Storages that are broken on purpose: the in-memory one with one verb that does not keep its promise. */
import {
  InMemoryTaskExecutionsStorage,
  type ExecutionRecord,
  type TaskExecutionsStorage,
} from 'durable-execution'

import type { StorageUnderTest } from '../../src/index'

/** The rows of an in-memory storage, which a fault changes behind its back. */
export interface RowAccess {
  get(executionId: string): ExecutionRecord | undefined
  put(record: ExecutionRecord): void
  delete(record: ExecutionRecord): void
  all(): ExecutionRecord[]
  due(queue: string, from: number, until: number): ExecutionRecord[]
}

/** What a fault works with. */
export interface Broken {
  readonly storage: InMemoryTaskExecutionsStorage
  readonly rows: RowAccess
}

/** One way to break a promise. */
export interface Fault {
  /** What the broken storage does. */
  readonly fault: string
  /** The title of the case that must notice. */
  readonly fails: string
  /** The verbs that are broken. */
  readonly breaks: (parts: Broken) => Partial<TaskExecutionsStorage>
}

/** The rows are private: nobody but these tests may change them. */
export function rowsOf(storage: InMemoryTaskExecutionsStorage): RowAccess {
  return Reflect.get(storage, 'rows') as RowAccess
}

/** A storage with this fault. */
export function brokenStorage({ breaks }: Fault): StorageUnderTest {
  const storage = new InMemoryTaskExecutionsStorage()
  const broken: TaskExecutionsStorage = {
    insert: (request) => storage.insert(request),
    get: (request) => storage.get(request),
    getChildren: (request) => storage.getChildren(request),
    claim: (request) => storage.claim(request),
    settle: (request) => storage.settle(request),
    renew: (request) => storage.renew(request),
    lostClaims: (request) => storage.lostClaims(request),
    recover: (request) => storage.recover(request),
    release: (request) => storage.release(request),
    wake: (request) => storage.wake(request),
    cancel: (request) => storage.cancel(request),
    nextClaimAt: (request) => storage.nextClaimAt(request),
    prune: (request) => storage.prune(request),
    ...breaks({ storage, rows: rowsOf(storage) }),
  }
  return { storage: broken, dump: () => storage.dump() }
}

/** Changes rows, those that are there. */
export function patch(
  rows: RowAccess,
  executionIds: readonly string[],
  change: (row: ExecutionRecord) => Partial<ExecutionRecord>,
): void {
  for (const executionId of executionIds) {
    const row = rows.get(executionId)
    if (row) rows.put({ ...row, ...change(row) })
  }
}
