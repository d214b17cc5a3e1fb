/** All runs, interleaved: ours, floor, peer, ours, … so that what else the machine does at a time meets every system. */
import type { Server } from './databases/server'
import { startRedis, startServer } from './databases/servers'
import { summarize, type Figures, type Measurement } from './measurement'
import type { Options } from './options'
import { runInProcess } from './running/run-in-process'
import {
  STORAGES,
  type BenchContext,
  type BenchRun,
  type StorageName,
  type SystemName,
  type Workload,
} from './workload'

/** Systems that keep their tasks in PostgreSQL or Redis whatever the storage: they are measured beside ours on PostgreSQL. */
const ONLY_BESIDE_PG: ReadonlySet<SystemName> = new Set([
  'graphile-worker',
  'pg-boss',
  'bullmq',
  '@dbos-inc/dbos-sdk',
  'openworkflow',
])

/** Told of each step, for people who wait. */
export type Report = (line: string) => void

/** Runs what the options say. A run that fails is told and left out. */
export async function runAll(options: Options, report: Report): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const storage of STORAGES) {
    const workloads = options.workloads.filter(({ storages, defaultStorages = ['pg'] }) =>
      options.storages
        ? options.storages.includes(storage) && storages.includes(storage)
        : defaultStorages.includes(storage),
    )
    if (workloads.length === 0) continue
    const server = await startServer(storage)
    const needsRedis = storage === 'pg' && options.systems.has('bullmq')
    const redis = needsRedis ? await startRedis() : null
    report(`${storage}: ${server.settings}`)
    try {
      for (const group of groupsOf(workloads)) {
        const place = { workloads: group, storage, server, redis }
        measurements.push(...(await runGroup(options, place, report)))
      }
    } finally {
      await server.stop()
      await redis?.stop()
    }
  }
  return measurements
}

/** Those that share their processes, one after the other, and each of the others. */
function groupsOf(workloads: readonly Workload[]): Workload[][] {
  const groups: Workload[][] = []
  for (const workload of workloads) {
    const last = groups.at(-1)
    const joins = workload.sharesProcess === true && last?.[0]?.sharesProcess === true
    if (joins) last?.push(workload)
    else groups.push([workload])
  }
  return groups
}

interface Place {
  readonly workloads: readonly Workload[]
  readonly storage: StorageName
  readonly server: Server
  readonly redis: Server | null
}

async function runGroup(
  options: Options,
  { workloads, storage, server, redis }: Place,
  report: Report,
): Promise<Measurement[]> {
  const results = new Results()
  const runs = workloads.some(({ isLong }) => isLong === true) ? 1 : options.runs
  const parts = [...options.systems]
    .map((system) => ({
      system,
      chosen: workloads.filter((workload) => runsOn(workload, storage, system)),
    }))
    .filter(({ chosen }) => chosen.length > 0)
  for (let run = 1; run <= runs; run += 1) {
    for (const { system, chosen } of parts) {
      const contextOf = (): BenchContext => ({
        storage,
        system,
        url: server.url(),
        redisUrl: redis?.url() ?? null,
        scale: options.scale,
      })
      const answer = await runInProcess(chosen, contextOf, options.profiles)
      for (const [id, measured] of answer.runs) {
        results.add(id, system, measured)
        report(`${id} ${storage} ${system} ${run}/${runs}: ${inWords(measured.figures)}`)
      }
      if (answer.failure !== null) {
        const missing = chosen.filter(({ id }) => !answer.runs.has(id)).map(({ id }) => id)
        report(
          `${missing.join(', ')} ${storage} ${system} ${run}/${runs} failed: ${answer.failure}`,
        )
      }
    }
  }
  return workloads.flatMap(({ id, systems }) =>
    systems.flatMap((system) => results.summaryOf(id, storage, system)),
  )
}

function runsOn({ systems }: Workload, storage: StorageName, system: SystemName): boolean {
  return systems.includes(system) && (storage === 'pg' || !ONLY_BESIDE_PG.has(system))
}

/** The runs of each system in each workload. */
class Results {
  private readonly runs = new Map<string, BenchRun[]>()

  add(workload: string, system: SystemName, run: BenchRun): void {
    const key = `${workload} ${system}`
    this.runs.set(key, [...(this.runs.get(key) ?? []), run])
  }

  summaryOf(workload: string, storage: StorageName, system: SystemName): Measurement[] {
    const runs = this.runs.get(`${workload} ${system}`) ?? []
    const settings = runs.at(-1)?.settings ?? ''
    return summarize(
      { workload, storage, system, settings },
      runs.map(({ figures }) => figures),
    )
  }
}

function inWords(figures: Figures): string {
  return Object.entries(figures)
    .map(([metric, value]) => `${metric} ${Number(value.toPrecision(4))}`)
    .join(', ')
}
