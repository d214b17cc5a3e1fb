/**
 * The suite as Vitest tests.
 *
 * Vitest is an optional peer: it is loaded only inside one of its workers, and at import time, because `describe` and `it` have
 * to be called before the test file has been read to its end.
 */
import type { ConformanceCase, Verb } from './case'
import { conformanceCases } from './cases/index'
import {
  assertCovered,
  COVERAGE_TITLE,
  isCovering,
  modelOptionsFrom,
  resolveModelOptions,
  runSequence,
  seedsOf,
  sequenceTitle,
} from './model'
import type { Coverage } from './model/coverage'
import { runCase, type StorageTestOptions } from './run'
import type { CreateStorage } from './storage-under-test'

// The variable is inherited by child processes of a test, in which Vitest may refuse to load.
const vitest = process.env['VITEST'] === undefined ? null : await import('vitest').catch(() => null)

/** Options of {@link describeStorage}. */
export interface DescribeStorageOptions extends StorageTestOptions {
  /** The longest one case may take, in milliseconds; a random sequence, ten times that. @default 30000 */
  readonly timeoutMs?: number | undefined
}

/**
 * Adds one Vitest test per case, grouped by verb, and one per random sequence. The environment variables `TEST_SEED`,
 * `TEST_SEQUENCES` and `TEST_OPERATIONS` stand for options of the model that are not given.
 *
 * @example
 * describeStorage('my storage', () => new MyStorage(':memory:'))
 * @throws If it is called outside Vitest.
 */
export function describeStorage(
  name: string,
  createStorage: CreateStorage,
  options: DescribeStorageOptions = {},
): void {
  if (!vitest) throw new Error('describeStorage works in Vitest only: call runStorageTest instead')
  const { describe, it } = vitest
  const { cases = conformanceCases, timeoutMs = 30_000 } = options
  const model = { ...modelOptionsFrom(process.env), ...options.model }
  describe(name, () => {
    for (const [verb, casesOfVerb] of groupedByVerb(cases)) {
      describe(verb, () => {
        for (const conformanceCase of casesOfVerb) {
          it(conformanceCase.name, { timeout: timeoutMs }, async ({ skip }) => {
            const hasRun = await runCase(conformanceCase, createStorage)
            if (!hasRun) skip(`the storage lacks one of: ${conformanceCase.needs?.join(', ')}`)
          })
        }
      })
    }
    describe('model', () => {
      const resolved = resolveModelOptions(model)
      const seeds = seedsOf(resolved)
      const seen: Coverage = new Set()
      let passed = 0
      for (const seed of seeds) {
        // A sequence that fails is run again many times, to find a shorter one.
        it(sequenceTitle(seed), { timeout: 10 * timeoutMs }, async () => {
          await runSequence(createStorage, seed, model, seen)
          passed += 1
        })
      }
      if (!isCovering(resolved)) return
      it(COVERAGE_TITLE, ({ skip }) => {
        if (passed < seeds.length) skip('not all sequences were run, or passed')
        assertCovered(seen)
      })
    })
  })
}

function groupedByVerb(cases: readonly ConformanceCase[]): Map<Verb, ConformanceCase[]> {
  const byVerb = new Map<Verb, ConformanceCase[]>()
  for (const conformanceCase of cases) {
    const group = byVerb.get(conformanceCase.verb)
    if (group) group.push(conformanceCase)
    else byVerb.set(conformanceCase.verb, [conformanceCase])
  }
  return byVerb
}
