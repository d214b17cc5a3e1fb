/** All workloads, in their order. */
import type { Workload } from '../workload'
import { http } from './http'
import { drain } from './p1-drain'
import { together } from './p2-together'
import { result } from './p3-result'
import { trees } from './p4-trees'
import { chains } from './p5-chains'
import { backlog } from './p6-backlog'
import { databases } from './p7-databases'
import { processes } from './p8-processes'
import { takeover } from './p9-takeover'
import { idle } from './p10-idle'
import { memory } from './p11-memory'
import { eventLoop } from './p12-event-loop'
import { pinned } from './p13-pinned'
import { costs } from './p14-costs'
import { cancels } from './p15-cancel'

export const WORKLOADS: readonly Workload[] = [
  drain,
  together,
  result,
  trees,
  chains,
  backlog,
  databases,
  processes,
  takeover,
  idle,
  memory,
  eventLoop,
  pinned,
  costs,
  cancels,
  http,
]
