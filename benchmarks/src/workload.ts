/** What a workload is: something that several systems do, each in a process of its own. */
import type { Figures } from './measurement'

export const STORAGES = ['pg', 'mysql', 'mariadb', 'sqlite', 'sqlite-full'] as const

/** Where executions are kept. `sqlite` commits with `synchronous = NORMAL`, `sqlite-full` with `FULL`. */
export type StorageName = (typeof STORAGES)[number]

/** Systems that are measured beside ours: the floor and the contract's SQL, then others from npm. */
export const BASELINES = ['floor', 'contract-sql'] as const
export const FAST_PEERS = ['graphile-worker', 'pg-boss', 'bullmq'] as const
export const SLOW_PEERS = ['@dbos-inc/dbos-sdk', 'openworkflow'] as const

export type SystemName =
  | 'durable-execution'
  | (typeof BASELINES)[number]
  | (typeof FAST_PEERS)[number]
  | (typeof SLOW_PEERS)[number]

/** All of them, ours first. */
export const ALL_SYSTEMS: readonly SystemName[] = [
  'durable-execution',
  ...BASELINES,
  ...FAST_PEERS,
  ...SLOW_PEERS,
]

/** Where and how much a workload runs. */
export interface BenchContext {
  readonly storage: StorageName
  readonly system: SystemName
  /** The database: a URL, or the file of a SQLite database that does not exist yet. */
  readonly url: string
  /** A Redis server, where one is needed. */
  readonly redisUrl: string | null
  /** Multiplies the sizes: 1, or a small share for a smoke run. */
  readonly scale: number
}

/** What a run answers. */
export interface BenchRun {
  readonly figures: Figures
  readonly settings: string
}

/** One of P1, P2, …. */
export interface Workload {
  readonly id: string
  readonly title: string
  readonly storages: readonly StorageName[]
  readonly systems: readonly SystemName[]
  /** Where it runs when no storage is asked for. @default PostgreSQL */
  readonly defaultStorages?: readonly StorageName[]
  /** Too long to be run several times. */
  readonly isLong?: boolean
  /**
   * Whether it is measured in one process with the workloads before it that say so too, on the same system: then that process warms
   * up once.
   */
  readonly sharesProcess?: boolean
  run(context: BenchContext): Promise<BenchRun>
}

/** A size of a workload, scaled for a smoke run. */
export function scaled({ scale }: BenchContext, size: number, least = 10): number {
  return Math.max(least, Math.round(size * scale))
}
