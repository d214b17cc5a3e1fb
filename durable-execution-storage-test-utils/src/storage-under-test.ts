/** How a storage is handed to the suite. */
import type { ExecutionRecord, TaskExecutionsStorage } from 'durable-execution'

import type { Need } from './case'

type MaybePromise<T> = T | Promise<T>

/** A storage with what the suite can use besides its verbs. */
export interface StorageUnderTest {
  readonly storage: TaskExecutionsStorage
  /** Reads every row, in any order. Without it the suite reads the rows whose ids it knows. */
  readonly dump?: (() => MaybePromise<readonly ExecutionRecord[]>) | undefined
  /** Whether calls made at once go over several connections, and meet in the database. @default false */
  readonly isParallel?: boolean | undefined
  /** Called when a case is over. */
  readonly close?: (() => MaybePromise<void>) | undefined
}

/** Makes a storage without any rows. Called for each case, and for each random sequence. */
export type CreateStorage = () => MaybePromise<StorageUnderTest | TaskExecutionsStorage>

/** Whether a storage has what a case needs. */
export function hasAll(
  needs: readonly Need[],
  { storage, dump, isParallel }: StorageUnderTest,
): boolean {
  const has: Record<Need, boolean> = {
    rows: dump !== undefined,
    listen: storage.listen !== undefined,
    'parallel connections': isParallel === true,
  }
  return needs.every((need) => has[need])
}

/** Makes a storage; `dump` and `close` may be missing. */
export async function openStorage(createStorage: CreateStorage): Promise<StorageUnderTest> {
  const created = await createStorage()
  return 'storage' in created ? created : { storage: created }
}
