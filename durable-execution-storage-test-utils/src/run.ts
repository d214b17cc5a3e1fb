/** Runs the whole suite under any test runner, or none. */
import { titleOf, type ConformanceCase } from './case'
import { conformanceCases } from './cases/index'
import { ConformanceContext } from './context'
import {
  assertCovered,
  COVERAGE_TITLE,
  isCovering,
  resolveModelOptions,
  runSequence,
  seedsOf,
  sequenceTitle,
  type ModelOptions,
} from './model'
import type { Coverage } from './model/coverage'
import { hasAll, openStorage, type CreateStorage } from './storage-under-test'

/** What of the suite is run. */
export interface StorageTestOptions {
  /** The cases to run. @default all of them */
  readonly cases?: readonly ConformanceCase[] | undefined
  /** The random sequences to run. @default 20 of 150 operations, from seed 1 */
  readonly model?: ModelOptions | undefined
}

/** One part of the suite: a case or a random sequence. */
interface Part {
  readonly title: string
  readonly run: () => Promise<unknown>
}

/** One thing a storage does not do as the contract says. */
export interface ConformanceFailure {
  /** The title of the case, or of the random sequence. */
  readonly name: string
  readonly error: unknown
}

/** Thrown by {@link runStorageTest}: all that failed, by name. */
export class StorageConformanceError extends Error {
  override readonly name = 'StorageConformanceError'
  readonly failures: readonly ConformanceFailure[]

  constructor(failures: readonly ConformanceFailure[]) {
    const list = failures.map(({ name, error }) => `- ${name}\n  ${messageOf(error)}`)
    super(`${failures.length} of the storage's promises are broken:\n${list.join('\n')}`)
    this.failures = failures
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll('\n', '\n  ')
}

/**
 * Runs one case on a fresh storage, and then checks the invariants of its rows.
 *
 * @returns Whether it ran: a case is left out where the storage lacks what it needs.
 * @throws What shows that the storage breaks the promise.
 */
export async function runCase(
  { run, needs = [] }: ConformanceCase,
  createStorage: CreateStorage,
): Promise<boolean> {
  const underTest = await openStorage(createStorage)
  try {
    if (!hasAll(needs, underTest)) return false
    const context = new ConformanceContext(underTest)
    await run(context)
    await context.expectInvariants()
    return true
  } finally {
    await underTest.close?.()
  }
}

/**
 * Runs all cases and random sequences, one after the other, each on a fresh storage.
 *
 * @throws A {@link StorageConformanceError} that lists every failure.
 */
export async function runStorageTest(
  createStorage: CreateStorage,
  options: StorageTestOptions = {},
): Promise<void> {
  const failures: ConformanceFailure[] = []
  for (const { title, run } of partsOf(createStorage, options)) {
    try {
      await run()
    } catch (error) {
      failures.push({ name: title, error })
    }
  }
  if (failures.length > 0) throw new StorageConformanceError(failures)
}

function partsOf(
  createStorage: CreateStorage,
  { cases = conformanceCases, model }: StorageTestOptions,
): Part[] {
  const resolved = resolveModelOptions(model)
  const seen: Coverage = new Set()
  const coverage = { title: COVERAGE_TITLE, run: async () => assertCovered(seen) }
  return [
    ...cases.map((conformanceCase) => ({
      title: titleOf(conformanceCase),
      run: () => runCase(conformanceCase, createStorage),
    })),
    ...seedsOf(resolved).map((seed) => ({
      title: sequenceTitle(seed),
      run: () => runSequence(createStorage, seed, model, seen),
    })),
    ...(isCovering(resolved) ? [coverage] : []),
  ]
}
