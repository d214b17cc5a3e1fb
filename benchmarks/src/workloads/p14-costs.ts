/** P14: what a task costs of this process's processor and of PostgreSQL's log, drained (P1) and together (P2). */
import { FAST_PEERS, type Workload } from '../workload'
import { drain } from './p1-drain'
import { together } from './p2-together'

export const costs: Workload = {
  id: 'P14',
  title: 'Processor time and log of a task, in P1 and in P2',
  storages: ['pg'],
  systems: ['durable-execution', ...FAST_PEERS],
  async run(context) {
    const { figures, settings } = await drain.run(context)
    const { figures: figuresTogether } = await together.run(context)
    return {
      figures: {
        ...picked('cpu_us', figures.cpu_us),
        ...picked('wal_bytes', figures.wal_bytes),
        ...picked('cpu_us_together', figuresTogether.cpu_us),
        ...picked('wal_bytes_together', figuresTogether.wal_bytes),
      },
      settings,
    }
  },
}

function picked(metric: string, value: number | undefined): Record<string, number> {
  return value === undefined ? {} : { [metric]: value }
}
