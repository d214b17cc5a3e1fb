/** Loads workloads one by one: a process that measures a system has nothing of the others in its memory. */
import type { Workload } from '../workload'

/** The workloads by their ids, in their order. */
const LOADERS: Readonly<Record<string, () => Promise<Workload>>> = {
  P1: async () => (await import('./p1-drain')).drain,
  P2: async () => (await import('./p2-together')).together,
  P3: async () => (await import('./p3-result')).result,
  P4: async () => (await import('./p4-trees')).trees,
  P5: async () => (await import('./p5-chains')).chains,
  P6: async () => (await import('./p6-backlog')).backlog,
  P7: async () => (await import('./p7-databases')).databases,
  P8: async () => (await import('./p8-processes')).processes,
  P9: async () => (await import('./p9-takeover')).takeover,
  P10: async () => (await import('./p10-idle')).idle,
  P11: async () => (await import('./p11-memory')).memory,
  P12: async () => (await import('./p12-event-loop')).eventLoop,
  P13: async () => (await import('./p13-pinned')).pinned,
  P14: async () => (await import('./p14-costs')).costs,
  P15: async () => (await import('./p15-cancel')).cancels,
  HTTP: async () => (await import('./http')).http,
}

export const WORKLOAD_IDS = Object.keys(LOADERS)

/** @throws If there is none with this id. */
export async function loadWorkload(id: string): Promise<Workload> {
  const load = LOADERS[id]
  if (!load) throw new Error(`No workload ${id}`)
  return load()
}
