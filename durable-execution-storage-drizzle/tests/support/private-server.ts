/** Servers of a test's own, which it may kill: those that others use are never touched. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What servers there are scripts for. */
export type ServerKind = 'postgres' | 'mariadb' | 'mysql'

const run = promisify(execFile)

/** Settings with which a server starts fast and waits for no disk: its process is killed, its machine is not. */
const SETTINGS: Record<ServerKind, readonly string[]> = {
  postgres: ['fsync=off', 'max_connections=60', 'shared_buffers=32MB', 'deadlock_timeout=50ms'],
  mariadb: ['--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=64M'],
  mysql: [],
}

/** Where the file with the id of the server's process is. */
const PID_FILES: Record<ServerKind, string> = {
  postgres: 'data/postmaster.pid',
  mariadb: 'mariadbd.pid',
  mysql: 'mysqld.pid',
}

function script(kind: ServerKind): string {
  return fileURLToPath(new URL(`../../../scripts/private-${kind}.sh`, import.meta.url))
}

/** Servers share what was unpacked of MySQL. */
function environment(): NodeJS.ProcessEnv {
  const unpacked = path.join(tmpdir(), 'durable-execution-mysql', 'root')
  return { PRIVATE_MYSQL_BINARIES: unpacked, ...process.env }
}

/** Calls the script of a kind of server, and answers what it printed. */
async function call(kind: ServerKind, args: readonly string[]): Promise<string> {
  const { stdout } = await run('bash', [script(kind), ...args], { env: environment() })
  return stdout.trim()
}

/** Whether a server of this kind can be started here with nothing fetched. */
export async function canStart(kind: ServerKind): Promise<boolean> {
  return call(kind, ['has']).then(
    () => true,
    () => false,
  )
}

/** A server in a folder of its own. */
export class PrivateServer {
  readonly kind: ServerKind
  readonly url: string
  private readonly folder: string
  private readonly port: number

  private constructor(kind: ServerKind, folder: string, port: number, url: string) {
    this.kind = kind
    this.folder = folder
    this.port = port
    this.url = url
  }

  static async start(kind: ServerKind): Promise<PrivateServer> {
    const folder = await mkdtemp(path.join(tmpdir(), `durable-execution-${kind}-`))
    // The server of PostgreSQL may run as a user of its own.
    await chmod(folder, 0o755)
    const port = await freePort()
    const url = await call(kind, startArguments(kind, folder, port))
    return new PrivateServer(kind, folder, port, url)
  }

  /** Kills it at once, as a crash does: `-m immediate` for PostgreSQL, SIGKILL for the others. */
  async kill(): Promise<void> {
    await call(this.kind, ['kill', this.folder])
  }

  /** Starts it again after a kill, on the same port; it answers when this resolves. */
  async restart(): Promise<void> {
    await call(this.kind, startArguments(this.kind, this.folder, this.port))
  }

  /** The id of its process. */
  async processId(): Promise<number> {
    const text = await readFile(path.join(this.folder, PID_FILES[this.kind]), 'utf8')
    return Number.parseInt(text, 10)
  }

  /** Stops it and removes its folder. */
  async remove(): Promise<void> {
    await call(this.kind, ['kill', this.folder])
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

function startArguments(kind: ServerKind, folder: string, port: number): string[] {
  if (kind === 'mysql') return ['start', String(port), folder]
  return ['start', folder, String(port), ...SETTINGS[kind]]
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
