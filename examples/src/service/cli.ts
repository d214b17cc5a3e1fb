/** Starts the service, runs a scenario through it, and ends it. */
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { dim, red, say } from '../screen'
import { dropTable, findDatabase, isSQLite } from './database'
import { findFreePort, ServiceProcess } from './processes'
import { runScenario } from './scenario'
import type { ServiceSettings } from './settings'

const folder = join(import.meta.dirname, '..', '..', 'temp', `service-${process.pid}`)
const createToken = (): string => randomBytes(16).toString('hex')

process.exitCode = await main()

async function main(): Promise<number> {
  const databaseUrl = await findDatabase(join(folder, 'tasks.db'))
  const settings: ServiceSettings = {
    executorPort: await findFreePort(),
    shopPort: await findFreePort(),
    databaseUrl,
    // Of this run: several may use one database.
    tableName: `example_service_${process.pid}`,
    shopToken: createToken(),
    dashboardToken: createToken(),
    executorToken: createToken(),
  }
  await mkdir(folder, { recursive: true })
  say(dim(`Database: ${isSQLite(databaseUrl) ? 'a SQLite file' : 'PostgreSQL'}`))
  const processes: ServiceProcess[] = []
  const end = (): Promise<unknown> => Promise.all(processes.map((each) => each.stop()))
  process.once('SIGINT', () => void end())
  try {
    await run(settings, processes)
    return 0
  } catch (error) {
    console.error(red('The scenario failed.'))
    console.error(error)
    return 1
  } finally {
    await end()
    if (!isSQLite(databaseUrl)) await dropTable(databaseUrl, settings.tableName)
    await rm(folder, { recursive: true, force: true })
  }
}

async function run(settings: ServiceSettings, processes: ServiceProcess[]): Promise<void> {
  const startExecutor = () => ServiceProcess.start('executor-server.ts', settings)
  const shop = await ServiceProcess.start('shop-server.ts', settings)
  processes.push(shop)
  let executor = await startExecutor()
  processes.push(executor)
  say(`Two processes: the executor server (${executor.pid}) and the shop (${shop.pid})`)
  await runScenario({
    settings,
    replaceExecutor: async () => {
      await executor.kill()
      processes.splice(processes.indexOf(executor), 1)
      executor = await startExecutor()
      processes.push(executor)
      return executor
    },
  })
}
