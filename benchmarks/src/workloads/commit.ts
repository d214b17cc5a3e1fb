/** What one insert costs with its commit: the unit in which latencies are weighed. */
import { median } from '../measurement'
import { timed } from '../stopwatch'
import type { Floor } from '../systems/floor'

const WARM_UP = 50
const SAMPLES = 200

/** The median of single inserts, in milliseconds. Closes what it measures. */
export async function commitTime(bare: Floor): Promise<number> {
  const samples: number[] = []
  for (let count = 0; count < WARM_UP; count += 1) await bare.commitOne()
  for (let count = 0; count < SAMPLES; count += 1) samples.push(await timed(() => bare.commitOne()))
  await bare.close()
  return median(samples)
}
