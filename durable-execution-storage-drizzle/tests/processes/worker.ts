/**
 * A process that runs an executor on a SQLite file, told what to do by its first argument. It writes its events to standard output,
 * one JSON text a line, and shuts down on SIGTERM: then nothing may keep it alive.
 */
import { DurableExecutor, type DurableExecutorOptions } from 'durable-execution'

import { DRIVERS, openMigrated } from '../databases'
import { defineTasks, type TaskSettings } from './tasks'

/** What a worker is told. */
export interface WorkerSettings extends TaskSettings {
  readonly driverName: string
  readonly file: string
  readonly graceMs: number
  readonly executor: Pick<
    DurableExecutorOptions,
    'leaseMs' | 'queues' | 'maxConcurrentTaskExecutions' | 'maxTakeovers'
  >
}

const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings
const driver = DRIVERS.find(({ name }) => name === settings.driverName)
if (!driver) throw new Error(`There is no driver ${settings.driverName}`)
const database = await openMigrated(driver, settings.file)
const executor = new DurableExecutor(database.storage, {
  executorId: settings.name,
  logLevel: 'silent',
  pollIntervalMs: 50,
  abortGraceMs: 500,
  ...settings.executor,
  onEvent: (event) => {
    process.stdout.write(`${JSON.stringify(event)}\n`)
  },
})
defineTasks(executor, settings)
process.once('SIGTERM', () => {
  void executor.shutdown({ graceMs: settings.graceMs }).then(() => {
    database.close()
  })
})
await executor.start()
