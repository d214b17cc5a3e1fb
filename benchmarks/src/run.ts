/** All runs, interleaved: ours, floor, peer, ours, … so that what else the machine does at a time meets every system. */
import type { Server } from './databases/server'
import { startRedis, startServer } from './databases/servers'
import { summarize, type Figures, type Measurement } from './measurement'
import type { Options } from './options'
import { runInProcess } from './running/run-in-process'
import { STORAGES, type StorageName, type SystemName, type Workload } from './workload'

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
      for (const workload of workloads) {
        measurements.push(
          ...(await runWorkload(options, { workload, storage, server, redis }, report)),
        )
      }
    } finally {
      await server.stop()
      await redis?.stop()
    }
  }
  return measurements
}

interface Place {
  readonly workload: Workload
  readonly storage: StorageName
  readonly server: Server
  readonly redis: Server | null
}

async function runWorkload(
  options: Options,
  { workload, storage, server, redis }: Place,
  report: Report,
): Promise<Measurement[]> {
  const systems = workload.systems.filter(
    (system) => options.systems.has(system) && (storage === 'pg' || !ONLY_BESIDE_PG.has(system)),
  )
  const figures = new Map<SystemName, Figures[]>()
  const settings = new Map<SystemName, string>()
  const runs = workload.isLong === true ? 1 : options.runs
  for (let run = 0; run < runs; run += 1) {
    for (const system of systems) {
      const context = {
        storage,
        system,
        url: server.url(),
        redisUrl: redis?.url() ?? null,
        scale: options.scale,
      }
      try {
        const answer = await runInProcess(workload, context, options.profiles)
        figures.set(system, [...(figures.get(system) ?? []), answer.figures])
        settings.set(system, answer.settings)
        report(`${workload.id} ${storage} ${system} ${run + 1}/${runs}: ${inWords(answer.figures)}`)
      } catch (error) {
        report(`${workload.id} ${storage} ${system} ${run + 1}/${runs} failed: ${String(error)}`)
      }
    }
  }
  return systems.flatMap((system) =>
    summarize(
      { workload: workload.id, storage, system, settings: settings.get(system) ?? '' },
      figures.get(system) ?? [],
    ),
  )
}

function inWords(figures: Figures): string {
  return Object.entries(figures)
    .map(([metric, value]) => `${metric} ${Number(value.toPrecision(4))}`)
    .join(', ')
}
