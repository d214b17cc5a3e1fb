/** The worker process: runs what is due in the database until it is told to stop. */
import { DurableExecutor } from 'durable-execution'

import { openDatabase } from './database'
import { CONCURRENT_TASKS, LEASE_MS } from './settings'
import { logStart } from './start-log'
import { openStateFolder } from './state'
import { defineTasks } from './tasks'

const [name, folder] = process.argv.slice(2)
if (name === undefined || folder === undefined) {
  throw new Error('The demo starts its workers itself: run `pnpm demo`')
}

const state = openStateFolder(folder)
const database = await openDatabase(state.database)
const executor = new DurableExecutor(database.storage, {
  executorId: name,
  leaseMs: LEASE_MS,
  maxConcurrentTaskExecutions: CONCURRENT_TASKS,
  // Takeovers are warnings. The demo tells of them itself.
  logLevel: 'error',
})
defineTasks(executor, (context) => {
  logStart(state.startLog, name, context)
})

let isStopping = false

/** Ends the work in hand, hands back what is left, and lets the process end by itself. */
async function stop(): Promise<void> {
  if (isStopping) return
  isStopping = true
  await executor.shutdown({ graceMs: 5000 })
  database.close()
  if (process.connected) process.disconnect()
}

process.on('SIGTERM', () => void stop())
// Ctrl-C reaches every process of the terminal: the demo tells its worker to stop.
process.on('SIGINT', () => undefined)
// The demo itself is gone.
process.on('disconnect', () => void stop())

try {
  if (process.connected) await executor.start()
  else await stop()
} catch (error) {
  // Told to stop while it was starting: then that is no failure.
  if (!isStopping) throw error
}
