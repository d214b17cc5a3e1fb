/** One process of a load: an executor and its users. Writes what they saw to standard output, when all they began has ended. */
import { DurableExecutor, type ExecutorEvent } from 'durable-execution'

import { LoadClient, type Seen } from './client'
import { openPlace, type LoadPlace } from './databases'
import { defineLoadTasks } from './tasks'

/** What a process is told. */
export interface LoadSettings {
  readonly name: string
  readonly place: LoadPlace
  readonly journal: string
  readonly seconds: number
  readonly users: number
}

/** What a process says at its end. */
export interface LoadReport extends Seen {
  /** How often an event of each type came. */
  readonly events: Readonly<Record<string, number>>
  /** How many calls of the storage it made: each is one statement, or more. */
  readonly calls: number
  /** Events that must not come while the database is there. */
  readonly troubles: readonly ExecutorEvent[]
}

const TROUBLES: readonly ExecutorEvent['type'][] = [
  'storage_away',
  'background_error',
  'result_refused',
  'execution_taken_over',
]

const settings = JSON.parse(process.argv[2] ?? '') as LoadSettings
const events: Record<string, number> = {}
const troubles: ExecutorEvent[] = []
const database = await openPlace(settings.place)
const executor = new DurableExecutor(database.storage, {
  executorId: settings.name,
  logLevel: 'silent',
  pollIntervalMs: 50,
  maxConcurrentTaskExecutions: 50,
  onEvent: (event) => {
    events[event.type] = (events[event.type] ?? 0) + 1
    if (TROUBLES.includes(event.type)) troubles.push(event)
  },
})
const tasks = defineLoadTasks(executor, settings.journal)
await executor.start()
const client = new LoadClient(executor, database, tasks, settings.name)
await client.run(settings.users, AbortSignal.timeout(settings.seconds * 1000))
await executor.shutdown({ graceMs: 30_000 })
const verbs = Object.values(executor.getStats().storage.verbs)
const calls = verbs.reduce((sum, { count }) => sum + count, 0)
await database.close()
process.stdout.write(
  JSON.stringify({ ...client.seen, events, calls, troubles } satisfies LoadReport),
)
