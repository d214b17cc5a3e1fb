/** All workloads, in their order. */
import type { Workload } from '../workload'
import { drain } from './p1-drain'
import { together } from './p2-together'
import { result } from './p3-result'

export const WORKLOADS: readonly Workload[] = [drain, together, result]
