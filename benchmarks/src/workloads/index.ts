/** All workloads, in their order. */
import type { Workload } from '../workload'
import { loadWorkload, WORKLOAD_IDS } from './load'

export const WORKLOADS: readonly Workload[] = await Promise.all(WORKLOAD_IDS.map(loadWorkload))
