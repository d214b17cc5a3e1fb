/**
 * The model test: random sequences of operations on the in-memory reference and on the storage under test, which must give the
 * same answers and hold the same rows. A seed determines the whole sequence.
 */
import { show } from './lib/same'
import { missingEvents, type Coverage } from './model/coverage'
import { operationsOf } from './model/operation'
import { firstDifference, type Difference } from './model/sequence'
import { shrink } from './model/shrink'
import type { CreateStorage } from './storage-under-test'

/** How many random sequences are run, and how long they are. */
export interface ModelOptions {
  /** The seed of the first sequence; each further one has the next. @default 1 */
  readonly seed?: number | undefined
  /** How many sequences. 0 leaves the model test out. @default 20 */
  readonly sequences?: number | undefined
  /** How many operations each sequence has. @default 150 */
  readonly operations?: number | undefined
  /** After how many operations all rows are compared. @default 10 */
  readonly rowsEvery?: number | undefined
  /** How many shorter sequences are tried to find a short one that fails too. @default 300 */
  readonly shrinkRuns?: number | undefined
}

/** {@link ModelOptions} with every default filled in. */
export type ResolvedModelOptions = { readonly [K in keyof ModelOptions]-?: number }

/** Fills in the defaults. */
export function resolveModelOptions(options: ModelOptions = {}): ResolvedModelOptions {
  const { seed = 1, sequences = 20, operations = 150, rowsEvery = 10, shrinkRuns = 300 } = options
  return { seed, sequences, operations, rowsEvery, shrinkRuns }
}

/**
 * What environment variables ask for: `TEST_SEED`, `TEST_SEQUENCES` and `TEST_OPERATIONS`.
 *
 * @throws An `Error` that names a variable which is no whole number.
 */
export function modelOptionsFrom(
  variables: Readonly<Record<string, string | undefined>>,
): ModelOptions {
  const read = (name: string): number | undefined => {
    const text = variables[name]
    if (text === undefined || text === '') return undefined
    if (/^\d+$/.test(text)) return Number(text)
    throw new Error(`Invalid ${name}: expected a whole number, got ${JSON.stringify(text)}`)
  }
  return {
    seed: read('TEST_SEED'),
    sequences: read('TEST_SEQUENCES'),
    operations: read('TEST_OPERATIONS'),
  }
}

/** The seeds of the sequences. */
export function seedsOf({ seed, sequences }: ResolvedModelOptions): number[] {
  return Array.from({ length: sequences }, (_, index) => seed + index)
}

/** What of the model looks at all sequences together is called so in reports. */
export const COVERAGE_TITLE = 'has had every verb do all that it is for (all random sequences)'

/** Whether so many and long sequences bring about everything. */
export function isCovering({ sequences, operations }: ResolvedModelOptions): boolean {
  const defaults = resolveModelOptions()
  return sequences >= defaults.sequences && operations >= defaults.operations
}

/**
 * Every verb must have succeeded in sequences that passed.
 *
 * @throws An `Error` that says what has not been brought about.
 */
export function assertCovered(seen: Coverage): void {
  const missing = missingEvents(seen)
  if (missing.length === 0) return
  throw new Error(`The random sequences never brought about: ${missing.join('; ')}`)
}

/** What the sequence of a seed is called in reports. */
export function sequenceTitle(seed: number): string {
  return `does what the reference does (random sequence, seed ${seed})`
}

/** Thrown where the storage under test and the reference part. */
export class ModelDifferenceError extends Error {
  override readonly name = 'ModelDifferenceError'
  readonly seed: number
  readonly difference: Difference

  constructor(seed: number, difference: Difference) {
    const { calls, what, expected, actual } = difference
    const list = calls.map(({ call, now }) => `${now} ${call.verb} ${JSON.stringify(call.request)}`)
    super(
      [
        `In the random sequence of seed ${seed}, ${what} is not that of the reference.`,
        `expected: ${show(onlyDifferent(expected, actual))}`,
        `actual: ${show(onlyDifferent(actual, expected))}`,
        `The shortest sequence found that shows it (${calls.length} calls, each with its time):`,
        ...list,
      ].join('\n'),
    )
    this.seed = seed
    this.difference = difference
  }
}

/** Of two lists of rows only those that the other has not. */
function onlyDifferent(values: unknown, others: unknown): unknown {
  if (!Array.isArray(values) || !Array.isArray(others)) return values
  const known = new Set(others.map((other) => JSON.stringify(other)))
  return values.filter((value) => !known.has(JSON.stringify(value)))
}

/**
 * Runs the random sequence of one seed.
 *
 * @throws A {@link ModelDifferenceError} with the shortest sequence found.
 */
export async function runSequence(
  createStorage: CreateStorage,
  seed: number,
  options: ModelOptions = {},
  seen?: Coverage,
): Promise<void> {
  const { operations: count, rowsEvery, shrinkRuns } = resolveModelOptions(options)
  const operations = operationsOf(seed, count)
  const difference = await firstDifference(createStorage, operations, { rowsEvery, seen })
  if (!difference) return
  throw new ModelDifferenceError(seed, await shrink(createStorage, difference, shrinkRuns))
}

/**
 * Answers what the random sequences ought to bring about and do not: nothing, unless they are few or short. It depends on the
 * options alone, not on the storage under test.
 */
export async function findUncovered(
  createStorage: CreateStorage,
  options: ModelOptions = {},
): Promise<string[]> {
  const seen: Coverage = new Set()
  const resolved = resolveModelOptions(options)
  for (const seed of seedsOf(resolved)) await runSequence(createStorage, seed, resolved, seen)
  return missingEvents(seen)
}
