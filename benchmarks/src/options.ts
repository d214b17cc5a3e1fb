/** The command line. */
import { parseArgs } from 'node:util'

import {
  BASELINES,
  FAST_PEERS,
  SLOW_PEERS,
  STORAGES,
  type StorageName,
  type SystemName,
  type Workload,
} from './workload'
import { WORKLOADS } from './workloads/index'

export const USAGE = `pnpm bench [P1 P2 …] [options]
  --storage NAME      one of ${STORAGES.join(', ')}; may be repeated, or separated by commas. Default: pg, and for P7 all others
  --peers [all]       beside ours: ${FAST_PEERS.join(', ')}; with 'all' also ${SLOW_PEERS.join(', ')}
  --floor             beside ours: bare SQL on a narrow table, and the storage's own statements without an executor
  --runs N            of each system; the median counts. Default: 3
  --json FILE         writes the measurements there
  --profile FOLDER    a processor profile of every process, for the developer tools of a browser
  --scale SHARE       of the sizes: 1, or less for a try
Databases are those that BENCH_POSTGRES_URL, BENCH_MYSQL_URL, BENCH_MARIADB_URL and BENCH_REDIS_URL name, else private ones.

${WORKLOADS.map(({ id, title }) => `  ${id.padEnd(4)} ${title}`).join('\n')}
`

/** What to run. */
export interface Options {
  readonly workloads: readonly Workload[]
  /** `null`: each workload where it runs by default. */
  readonly storages: readonly StorageName[] | null
  readonly systems: ReadonlySet<SystemName>
  readonly runs: number
  readonly scale: number
  readonly json: string | null
  /** The folder for processor profiles. */
  readonly profiles: string | null
}

/** @throws An error that names what is wrong. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    // `--peers` may stand alone.
    args: args.map((arg, index) =>
      arg === '--peers' && args[index + 1] !== 'all' ? '--peers=fast' : arg,
    ),
    allowPositionals: true,
    options: {
      storage: { type: 'string', multiple: true },
      peers: { type: 'string' },
      floor: { type: 'boolean' },
      runs: { type: 'string', default: '3' },
      scale: { type: 'string', default: '1' },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  })
  return {
    workloads: workloadsOf(positionals),
    storages: values.storage?.flatMap((names) => names.split(',')).map(storageOf) ?? null,
    systems: new Set<SystemName>([
      'durable-execution',
      ...(values.floor === true ? BASELINES : []),
      ...(values.peers === undefined ? [] : FAST_PEERS),
      ...(values.peers === 'all' ? SLOW_PEERS : []),
    ]),
    runs: positive('--runs', values.runs),
    scale: positive('--scale', values.scale),
    json: values.json ?? null,
    profiles: values.profile ?? null,
  }
}

function workloadsOf(ids: readonly string[]): readonly Workload[] {
  if (ids.length === 0) return WORKLOADS
  const chosen = ids.map((id) => {
    const workload = WORKLOADS.find((candidate) => candidate.id === id.toUpperCase())
    if (!workload) {
      const known = WORKLOADS.map((candidate) => candidate.id).join(', ')
      throw new Error(`Unknown workload ${id}: expected one of ${known}`)
    }
    return workload
  })
  return [...new Set(chosen)]
}

function storageOf(name: string): StorageName {
  const storage = STORAGES.find((candidate) => candidate === name)
  if (!storage) throw new Error(`Unknown storage ${name}: expected one of ${STORAGES.join(', ')}`)
  return storage
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`${option}: expected a number above 0, got ${text}`)
}
