/** What one insert costs with its commit: the unit in which latencies are weighed. */
import { median, type Figures } from '../measurement'
import { timed } from '../stopwatch'
import { openExecutor, type OpenedExecutor } from '../systems/durable-execution'
import type { Floor } from '../systems/floor'
import { openBareSql } from '../systems/open'
import type { BenchContext, BenchRun } from '../workload'
import { warmUp } from './warm-up'

const WARM_UP = 50
const SAMPLES = 200

/** Measures our executor, or the commit where the system is the storage's bare SQL. */
export async function besideCommit(
  context: BenchContext,
  measure: (context: BenchContext, opened: OpenedExecutor) => Promise<Figures>,
): Promise<BenchRun> {
  await warmUp(context)
  if (context.system === 'contract-sql') {
    const bare = await openBareSql(context)
    return { figures: { commit: await commitTime(bare) }, settings: bare.settings }
  }
  const opened = await openExecutor(context)
  const figures = await measure(context, opened)
  await opened.close()
  return { figures, settings: `defaults; ${opened.opened.settings}` }
}

/** The median of single inserts, in milliseconds. Closes what it measures. */
async function commitTime(bare: Floor): Promise<number> {
  const samples: number[] = []
  for (let count = 0; count < WARM_UP; count += 1) await bare.commitOne()
  for (let count = 0; count < SAMPLES; count += 1) samples.push(await timed(() => bare.commitOne()))
  await bare.close()
  return median(samples)
}
