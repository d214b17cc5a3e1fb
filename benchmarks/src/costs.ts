/** What a task costs. */
import { walOf } from './databases/wal'
import type { Figures } from './measurement'
import { cpuOf } from './stopwatch'
import type { BenchContext } from './workload'

/** What some work costs a task: of this process's processor, and of PostgreSQL's log where that is the database. */
export async function costsOf(
  context: BenchContext,
  count: number,
  work: () => Promise<unknown>,
): Promise<Figures> {
  let cpu = 0
  const wal = await walOf(context, async () => {
    cpu = await cpuOf(work)
  })
  return { cpu_us: cpu / count, ...(wal !== undefined && { wal_bytes: wal / count }) }
}
