/** Our storage's own statements in a bare loop: what they cost without an executor. */
import {
  settlementOf,
  transitions,
  type ExecutionRecord,
  type TaskExecutionsStorage,
} from 'durable-execution'
import { newExecution } from 'durable-execution-storage-test-utils'

import { openStorage } from '../databases/storages'
import type { BenchContext } from '../workload'
import { drainInTurn, drainOverlapped } from './draining'
import type { Floor } from './floor'
import { BATCH, batchesOf, inputOf, outputOf, type Input } from './queue'

const CLAIMANT = { executorId: 'contract', leaseMs: 3_600_000 }
const CLAIM = {
  ...CLAIMANT,
  queue: 'default',
  limit: BATCH,
  takeOver: 'never',
  suspects: 'exclude',
} as const

/** Opens the storage of a context. */
export async function openContractSql(context: BenchContext): Promise<Floor> {
  const { storage, settings, close } = await openStorage(context)
  let nextId = 0
  const rows = (inputs: readonly Input[]) =>
    inputs.map((input) => {
      nextId += 1
      const executionId = `te_${String(nextId).padStart(36, '0')}`
      return newExecution({ executionId, input: JSON.stringify(input) })
    })
  const claim = async (): Promise<readonly ExecutionRecord[]> =>
    (await storage.claim(CLAIM)).records
  const complete = (records: readonly ExecutionRecord[]): Promise<void> => settle(storage, records)
  return {
    settings: `insert, claim and settle of the storage, 1000 rows a call; ${settings}`,
    async insert(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) {
        await storage.insert({ ...CLAIMANT, executions: rows(batch) })
      }
    },
    drain: () => drainInTurn(claim, complete),
    drainOverlapped: context.storage.startsWith('sqlite')
      ? null
      : () => drainOverlapped(claim, complete),
    async commitOne() {
      await storage.insert({ ...CLAIMANT, executions: rows([inputOf(nextId)]) })
    },
    close,
  }
}

async function settle(
  storage: TaskExecutionsStorage<unknown>,
  records: readonly ExecutionRecord[],
): Promise<void> {
  const settlements = records.map((record) => {
    const output = JSON.stringify(outputOf(JSON.parse(record.input ?? 'null') as Input))
    return settlementOf(record, transitions.complete(record, output), [])
  })
  await storage.settle({ ...CLAIMANT, settlements, handOver: null })
}
