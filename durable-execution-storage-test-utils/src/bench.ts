/**
 * How fast a storage does what an executor asks of it: its verbs in a bare loop, without an executor. Figures of one run on one
 * machine compare storages and settings with each other; by themselves they mean little.
 */
import {
  settlementOf,
  transitions,
  type ExecutionRecord,
  type NewExecution,
  type Settlement,
  type TaskExecutionsStorage,
} from 'durable-execution'

import { childOf, EXECUTOR, LEASE_MS, newExecution, TIMEOUT_MS } from './factory'
import { systemClock, type Clock } from './lib/until'
import { openStorage, type CreateStorage } from './storage-under-test'

/** Options of {@link runStorageBench}. */
export interface StorageBenchOptions {
  /** How many executions each workload has. @default 10000 */
  readonly executions?: number | undefined
  /** How many of them one call carries. @default 1000 */
  readonly batchSize?: number | undefined
  /** How many characters inputs and outputs have. @default 100 */
  readonly textLength?: number | undefined
  /** Takes the time. @default the machine's own clock */
  readonly clock?: Pick<Clock, 'monotonic'> | undefined
}

/** What one workload took. */
export interface StorageBenchResult {
  readonly workload: string
  readonly executions: number
  /** All calls of the workload together, in milliseconds. */
  readonly durationMs: number
  readonly executionsPerSecond: number
}

const CLAIMANT = { executorId: EXECUTOR, leaseMs: 100 * LEASE_MS }
const CLAIM = { ...CLAIMANT, queue: 'default', takeOver: 'never', suspects: 'exclude' } as const
const CHAIN_LENGTH = 10

/** What a workload works with. */
interface Bench {
  readonly storage: TaskExecutionsStorage
  readonly text: string
  readonly batchSize: number
  /** The ids of the executions, in batches. */
  readonly batches: readonly (readonly string[])[]
}

const WORKLOADS: readonly (readonly [string, (bench: Bench) => Promise<void>])[] = [
  ['insert ready executions', insertReady],
  ['claim and settle what is ready', drain],
  ['insert executions already claimed, and settle them', insertAndSettle],
  ['settle children, a tenth of a batch to each parent', settleChildren],
  [`settle steps of sequences, ${CHAIN_LENGTH} each`, settleSteps],
]

/**
 * Runs each workload on one storage, one after the other, and answers what they took.
 *
 * @example
 * console.table(await runStorageBench(() => new InMemoryTaskExecutionsStorage()))
 */
export async function runStorageBench(
  createStorage: CreateStorage,
  options: StorageBenchOptions = {},
): Promise<StorageBenchResult[]> {
  const { executions = 10_000, batchSize = 1000, textLength = 100, clock = systemClock } = options
  const underTest = await openStorage(createStorage)
  const results: StorageBenchResult[] = []
  try {
    for (const [index, [workload, run]] of WORKLOADS.entries()) {
      // What is drained is what the workload before has inserted.
      const batches = inBatches(executions, batchSize, index === 1 ? 0 : index)
      const startedAt = clock.monotonic()
      await run({ storage: underTest.storage, text: 'x'.repeat(textLength), batchSize, batches })
      const durationMs = clock.monotonic() - startedAt
      const executionsPerSecond = Math.round((1000 * executions) / durationMs)
      results.push({ workload, executions, durationMs, executionsPerSecond })
    }
  } finally {
    await underTest.close?.()
  }
  return results
}

function inBatches(count: number, size: number, workload: number): string[][] {
  const batches: string[][] = []
  for (let start = 0; start < count; start += size) {
    const length = Math.min(size, count - start)
    batches.push(Array.from({ length }, (_, index) => `te_${workload}_${start + index}`))
  }
  return batches
}

async function insertReady({ storage, batches, text }: Bench): Promise<void> {
  for (const batch of batches) {
    const executions = batch.map((executionId) => newExecution({ executionId, input: text }))
    await storage.insert({ ...CLAIMANT, executions })
  }
}

async function drain({ storage, batches, batchSize, text }: Bench): Promise<void> {
  for (const batch of batches) {
    const { records } = await storage.claim({ ...CLAIM, limit: batchSize })
    if (records.length !== batch.length) throw new Error(`Claimed ${records.length} executions`)
    await settle(
      storage,
      records.map((record) => completion(record, text)),
    )
  }
}

async function insertAndSettle({ storage, batches, text }: Bench): Promise<void> {
  for (const batch of batches) {
    const executions = batch.map((executionId) =>
      newExecution({ executionId, input: text, start: 'claimed' }),
    )
    await storage.insert({ ...CLAIMANT, executions })
    await settle(
      storage,
      executions.map((execution) => completion(claimed(execution), text)),
    )
  }
}

async function settleChildren({ storage, batches, text }: Bench): Promise<void> {
  for (const batch of batches) {
    const perParent = Math.max(1, Math.ceil(batch.length / 10))
    const executions: NewExecution[] = []
    for (const [index, executionId] of batch.entries()) {
      const place = index % perParent
      const parentId = `${batch[index - place] ?? ''} parent`
      const parent = newExecution({ executionId: parentId, start: 'waiting' })
      if (place === 0) executions.push(parent)
      executions.push(childOf(parent, place, { executionId, input: text, start: 'claimed' }))
    }
    await storage.insert({ ...CLAIMANT, executions })
    const children = executions.filter(({ parent }) => parent !== null)
    await settle(
      storage,
      children.map((child) => completion(claimed(child), text)),
    )
  }
}

async function settleSteps({ storage, batches, text }: Bench): Promise<void> {
  for (const batch of batches) {
    const roots = batch
      .slice(0, Math.ceil(batch.length / CHAIN_LENGTH))
      .map((executionId) => newExecution({ executionId, start: 'waiting', timeoutMs: null }))
    const step = (root: NewExecution, index: number): NewExecution =>
      childOf(root, index, { executionId: `${root.executionId}_${index}`, start: 'claimed' })
    const firsts = roots.flatMap((root) => [root, step(root, 0)])
    await storage.insert({ ...CLAIMANT, executions: firsts })
    for (let index = 0; index < CHAIN_LENGTH; index += 1) {
      const isLast = index === CHAIN_LENGTH - 1
      const settlements = roots.map((root) =>
        completion(claimed(step(root, index)), text, isLast ? [] : [step(root, index + 1)]),
      )
      await settle(storage, settlements)
    }
  }
}

/** What a settlement has to know of a row that was inserted as claimed. */
function claimed(execution: NewExecution): ExecutionRecord {
  return transitions.createRecord(execution, {
    ...CLAIMANT,
    now: TIMEOUT_MS,
    activeChildrenCount: 0,
  })
}

function completion(
  record: ExecutionRecord,
  output: string,
  insertions: readonly NewExecution[] = [],
): Settlement {
  return settlementOf(record, transitions.complete(record, output), insertions)
}

async function settle(
  storage: TaskExecutionsStorage,
  settlements: readonly Settlement[],
): Promise<void> {
  const { outcomes } = await storage.settle({ ...CLAIMANT, settlements, handOver: null })
  const applied = outcomes.filter(({ outcome }) => outcome === 'applied').length
  if (applied !== settlements.length) throw new Error(`Only ${applied} settlements applied`)
}
