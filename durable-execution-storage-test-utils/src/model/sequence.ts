/** Runs one sequence of operations on the reference and on the storage under test, and compares. */
import { isDeepStrictEqual } from 'node:util'

import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import { START } from '../factory'
import { findViolations } from '../invariants'
import { plain } from '../lib/same'
import { fieldsOf, insertedIds, readRows, settledInsertionIds } from '../rows'
import { openStorage, type CreateStorage, type StorageUnderTest } from '../storage-under-test'
import { send, type Call } from './call'
import { noteRows, observed, type Coverage } from './coverage'
import type { Operation } from './operation'
import { callOf, isAmbiguous, pauseBefore } from './requests'
import type { World } from './world'

/** A call that was made, and when. */
export interface MadeCall {
  readonly call: Call
  readonly now: number
}

/** Where the storage under test did not do what the reference does. */
export interface Difference {
  /** The calls made, the last one being where it showed. */
  readonly calls: readonly MadeCall[]
  /** What was compared. */
  readonly what: string
  readonly expected: unknown
  readonly actual: unknown
}

/** How a sequence is run. */
export interface SequenceOptions {
  /** After how many calls all rows are compared; always after the last. */
  readonly rowsEvery: number
  readonly seen?: Coverage | undefined
}

/** Makes the next call from the state before it; `null`: none. */
type Step = (world: World) => MadeCall | null

/** Runs operations on fresh storages. Answers the first difference, or `null`. */
export function firstDifference(
  createStorage: CreateStorage,
  operations: readonly Operation[],
  options: SequenceOptions,
): Promise<Difference | null> {
  const steps = operations.map((operation): Step => (world) => {
    const now = world.now + pauseBefore(operation, world)
    const call = callOf(operation, { ...world, now })
    return call && { call, now }
  })
  return run(createStorage, steps, options)
}

/**
 * Makes calls again, some of a longer sequence, on fresh storages. Answers the first difference; `null` also where the calls that
 * are left make no sense together: they break the invariants of the reference, or their answers are ambiguous.
 */
export async function differenceOfCalls(
  createStorage: CreateStorage,
  calls: readonly MadeCall[],
  options: SequenceOptions,
): Promise<Difference | null> {
  let isSensible = true
  const steps = calls.map((made): Step => (world) => {
    if (isAmbiguous(made.call, { ...world, now: made.now })) isSensible = false
    return made
  })
  const difference = await run(createStorage, steps, options)
  return isSensible && difference?.what !== REFERENCE_INVARIANTS ? difference : null
}

async function run(
  createStorage: CreateStorage,
  steps: readonly Step[],
  options: SequenceOptions,
): Promise<Difference | null> {
  const underTest = await openStorage(createStorage)
  try {
    return await new SequenceRun(underTest, options).run(steps)
  } finally {
    await underTest.close?.()
  }
}

/** What a difference says where the reference itself is wrong. */
const REFERENCE_INVARIANTS = 'the list of invariants broken by the reference'

class SequenceRun {
  private readonly reference = new InMemoryTaskExecutionsStorage()
  private readonly underTest: StorageUnderTest
  private readonly rowsEvery: number
  private readonly seen: Coverage
  private readonly made: MadeCall[] = []
  private readonly knownIds = new Set<string>()
  private now = START

  constructor(underTest: StorageUnderTest, { rowsEvery, seen = new Set() }: SequenceOptions) {
    this.underTest = underTest
    this.rowsEvery = rowsEvery
    this.seen = seen
  }

  async run(steps: readonly Step[]): Promise<Difference | null> {
    for (const [index, step] of steps.entries()) {
      const isLast = index === steps.length - 1
      const comparesRows = isLast || (index + 1) % this.rowsEvery === 0
      const difference =
        (await this.perform(step)) ?? (comparesRows ? await this.compareRows() : null)
      if (difference) return { ...(this.brokenInvariants() ?? difference), calls: this.made }
    }
    return null
  }

  private async perform(step: Step): Promise<Found | null> {
    const calls = this.made.map(({ call }) => call)
    const made = step({ rows: this.reference.dump(), now: this.now, calls })
    if (!made) return null
    const { call, now } = made
    this.now = now
    this.made.push(made)
    for (const executionId of idsMadeBy(call)) this.knownIds.add(executionId)
    const expected = await ending(() => send(observed(this.reference, this.seen), call, now))
    const actual = await ending(() => send(this.underTest.storage, call, now))
    return found(`the answer of ${call.verb}`, expected, actual)
  }

  private async compareRows(): Promise<Found | null> {
    const rows = this.reference.dump()
    noteRows(rows, this.seen)
    const actual = await readRows(this.underTest, this.knownIds)
    const difference = found('the list of rows', rows.map(fieldsOf), actual.map(fieldsOf))
    return difference ?? this.brokenInvariants()
  }

  private brokenInvariants(): Found | null {
    const broken = findViolations(this.reference.dump())
    return broken.length === 0 ? null : { what: REFERENCE_INVARIANTS, expected: [], actual: broken }
  }
}

type Found = Pick<Difference, 'what' | 'expected' | 'actual'>

function found(what: string, expected: unknown, actual: unknown): Found | null {
  const [plainExpected, plainActual] = [plain(expected), plain(actual)]
  if (isDeepStrictEqual(plainExpected, plainActual)) return null
  return { what, expected: plainExpected, actual: plainActual }
}

/** How a call ended, a refusal too. */
async function ending(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await call() }
  } catch (error) {
    return { threw: error instanceof Error ? error.message : String(error) }
  }
}

function idsMadeBy(call: Call): string[] {
  if (call.verb === 'insert') return insertedIds(call.request.executions)
  return call.verb === 'settle' ? settledInsertionIds(call.request.settlements) : []
}
