/**
 * A process that uses an executor and shuts it down. Its last words are what still keeps it alive: it does not call
 * `process.exit`, so it ends only if nothing does.
 */
import { writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'

import { childTask, DurableExecutor } from 'durable-execution'

import { DRIVERS, openMigrated } from '../databases'

/** What the process says at its end. */
export interface LastWords {
  /** Timers and sockets that its executor left behind. */
  readonly resourcesLeft: readonly string[]
  /** How long after the shutdown it ended, in milliseconds. */
  readonly exitedAfterMs: number
}

const LONG_MS = 60_000
const TURNS = 10

const [driverName, file = '', use] = process.argv.slice(2)
const driver = DRIVERS.find(({ name }) => name === driverName)
if (!driver) throw new Error(`There is no driver ${driverName}`)
const before = process.getActiveResourcesInfo()
const database = await openMigrated(driver, file)
const executor = new DurableExecutor(database.storage, { logLevel: 'silent', abortGraceMs: 50 })

const task = executor.task({
  id: 'task',
  timeoutMs: LONG_MS,
  run: (_context, value: number) => value + 1,
})
const parent = executor.parentTask({
  id: 'parent',
  timeoutMs: LONG_MS,
  runParent: () => ({ output: 0, children: [childTask(task, 1), childTask(task, 2)] }),
  finalize: ({ children }) => children.length,
})
const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: LONG_MS })
const endless = executor.task({
  id: 'endless',
  timeoutMs: LONG_MS,
  // Hears no signal, and holds nothing that keeps a process alive.
  run: () =>
    new Promise<never>(() => {
      // Never ends.
    }),
})

/** What the process does before it shuts down. */
const uses: Record<string, () => Promise<void>> = {
  async client() {
    const handle = await executor.enqueueTask(task, 1)
    await handle.cancel()
    await handle.waitAndGetFinishedExecution()
  },
  async started() {
    await executor.start()
    await (await executor.enqueueTask(parent)).waitAndGetOutput()
    await executor.enqueueTask(task, 1, { sleepMsBeforeRun: LONG_MS })
    await executor.enqueueTask(nap, 'until tomorrow')
    await executor.enqueueTasks([childTask(endless), childTask(endless)])
    // Waits that never end are ended by the shutdown.
    const waiting = await executor.enqueueTask(nap, 'for ever')
    waiting.waitAndGetOutput().catch(() => undefined)
  },
}

/** What keeps the process alive that did not before. */
function resourcesLeft(): string[] {
  const left = process.getActiveResourcesInfo()
  for (const resource of before) {
    const index = left.indexOf(resource)
    if (index !== -1) left.splice(index, 1)
  }
  return left
}

await uses[use ?? '']?.()
await executor.shutdown({ graceMs: 20 })
database.close()
const shutDownAt = performance.now()
// What ends with the turn of the event loop it began in keeps nothing alive.
for (let turn = 0; turn < TURNS && resourcesLeft().length > 0; turn += 1) await setImmediate()
const left = resourcesLeft()
process.once('exit', () => {
  const words: LastWords = {
    resourcesLeft: left,
    exitedAfterMs: performance.now() - shutDownAt,
  }
  writeSync(1, JSON.stringify(words))
})
