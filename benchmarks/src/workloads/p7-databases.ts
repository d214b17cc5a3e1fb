/** P7: what P1, P2 and P3 measure, on the other databases. */
import { BASELINES, type StorageName, type Workload } from '../workload'
import { drain } from './p1-drain'
import { together } from './p2-together'
import { result } from './p3-result'

const OTHERS: readonly StorageName[] = ['mysql', 'mariadb', 'sqlite', 'sqlite-full']

export const databases: Workload = {
  id: 'P7',
  title: 'P1, P2 and P3 on MySQL, MariaDB and SQLite',
  storages: OTHERS,
  defaultStorages: OTHERS,
  systems: ['durable-execution', ...BASELINES],
  async run(context) {
    const drained = await drain.run(context)
    const { figures } = await together.run(another(context, 1))
    const { figures: latencies } = await result.run(another(context, 2))
    const { together: rate, together_overlapped: overlapped } = figures
    return {
      figures: {
        ...drained.figures,
        ...latencies,
        ...(rate !== undefined && { together: rate }),
        ...(overlapped !== undefined && { together_overlapped: overlapped }),
      },
      settings: drained.settings,
    }
  },
}

/** A new file for each part, where the database is a file: servers make their tables anew. */
function another<T extends { readonly storage: StorageName; readonly url: string }>(
  context: T,
  part: number,
): T {
  const isFile = context.storage === 'sqlite' || context.storage === 'sqlite-full'
  return isFile ? { ...context, url: `${context.url}.${part}` } : context
}
