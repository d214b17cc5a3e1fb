/** The databases of a benchmark: those that environment variables name, else private ones that are started and stopped. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import type { StorageName } from '../workload'
import { databaseOn } from './named'
import type { Server } from './server'

const SCRIPTS = fileURLToPath(new URL('../../../scripts/', import.meta.url))

const VARIABLES = {
  pg: 'BENCH_POSTGRES_URL',
  mysql: 'BENCH_MYSQL_URL',
  mariadb: 'BENCH_MARIADB_URL',
} as const

/** The settings of a private PostgreSQL: durable commits, and memory for the tables. */
const POSTGRES_SETTINGS = [
  'synchronous_commit=on',
  'fsync=on',
  'shared_buffers=512MB',
  'max_wal_size=4GB',
  'max_connections=200',
]

/** Starts what a storage needs. */
export async function startServer(storage: StorageName): Promise<Server> {
  if (storage === 'sqlite' || storage === 'sqlite-full') return sqliteFolder()
  const named = process.env[VARIABLES[storage]]
  if (named !== undefined) return databaseOn(storage, named, VARIABLES[storage])
  const start = STARTS[storage]
  // MySQL is fetched the first time: it stays where it was unpacked.
  const folder = storage === 'mysql' ? KEPT_FOLDER : await newFolder()
  const url = await script(start.script, start.argumentsOf(folder, await freePort()))
  return {
    settings: start.settings,
    url: () => url,
    async stop() {
      await script(start.script, ['stop', folder])
      if (folder !== KEPT_FOLDER) await rm(folder, { recursive: true, force: true })
    },
  }
}

const KEPT_FOLDER = path.join(tmpdir(), 'durable-execution-bench-mysql')

const STARTS = {
  pg: {
    script: 'private-postgres.sh',
    settings: `private PostgreSQL, ${POSTGRES_SETTINGS.join(', ')}`,
    argumentsOf: (folder: string, port: string) => ['start', folder, port, ...POSTGRES_SETTINGS],
  },
  mariadb: {
    script: 'private-mariadb.sh',
    settings: 'private MariaDB, innodb_flush_log_at_trx_commit=1, 256 MB buffer pool',
    argumentsOf: (folder: string, port: string) => ['start', folder, port],
  },
  mysql: {
    script: 'private-mysql.sh',
    settings: 'private MySQL, innodb_flush_log_at_trx_commit=1, no binary log',
    argumentsOf: (folder: string, port: string) => ['start', port, folder],
  },
} as const

/** Starts a Redis server that syncs its file once a second. */
export async function startRedis(): Promise<Server> {
  const named = process.env['BENCH_REDIS_URL']
  if (named !== undefined) {
    return { settings: 'BENCH_REDIS_URL', url: () => named, stop: async () => undefined }
  }
  const folder = await newFolder()
  const port = await freePort()
  const child = spawn(
    'redis-server',
    ['--port', port, '--dir', folder, '--save', '', '--appendonly', 'yes'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  await new Promise<void>((resolve, reject) => {
    child.on('error', () => {
      reject(new Error('BullMQ needs redis-server on the PATH, or BENCH_REDIS_URL'))
    })
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Ready to accept connections')) resolve()
    })
  })
  return {
    settings: 'private Redis, appendfsync everysec',
    url: () => `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill()
      await once(child, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function sqliteFolder(): Promise<Server> {
  const folder = await newFolder()
  let files = 0
  return {
    settings: 'a new file for each run',
    url: () => path.join(folder, `${(files += 1)}.sqlite`),
    stop: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A port that nobody listens on at this moment. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No port is free')
  return String(address.port)
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'durable-execution-bench-'))
  // The server of PostgreSQL runs as a user of its own.
  await chmod(folder, 0o755)
  return folder
}

/** Runs a script and answers the last line that it prints. */
function script(name: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(SCRIPTS, name), args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (code === 0) resolve(output.trim().split('\n').at(-1) ?? '')
      else reject(new Error(`scripts/${name} ${args.join(' ')} ended by code ${code}\n${errors}`))
    })
  })
}
