/** All workloads, in their order. */
import type { Workload } from '../workload'
import { drain } from './p1-drain'
import { together } from './p2-together'
import { result } from './p3-result'
import { trees } from './p4-trees'
import { chains } from './p5-chains'
import { backlog } from './p6-backlog'
import { databases } from './p7-databases'
import { costs } from './p14-costs'

export const WORKLOADS: readonly Workload[] = [
  drain,
  together,
  result,
  trees,
  chains,
  backlog,
  databases,
  costs,
]
