/**
 * A worker that has been up for a while: before a measurement every system that runs tasks does so in the same process for the same
 * time, in tables of their own, so that its code is compiled. Else the compiler's work would be counted as that of the tasks.
 */
import { now } from '../stopwatch'
import { isBareSql, openBareSql, openQueue } from '../systems/open'
import { inputsFrom } from '../systems/queue'
import { scaled, type BenchContext } from '../workload'

/** Tasks of a round, each way. */
const TASKS = 4000
/**
 * Rounds begin for so long, in milliseconds: ours, whose processor time of a task is looked at after 2, 4, 6, … seconds, needs so long
 * until it falls no more.
 */
const WARM_UP_MS = 6000
/** Of bare SQL, a loop of a few statements. */
const WARM_UP_OF_BARE_SQL_MS = 2000

let isWarm = false

/** Runs tasks, and leaves nothing behind. Once in a process. */
export async function warmUp(context: BenchContext): Promise<void> {
  if (isWarm) return
  isWarm = true
  const isBare = isBareSql(context)
  const end = now() + (isBare ? WARM_UP_OF_BARE_SQL_MS : WARM_UP_MS) * context.scale
  do await (isBare ? ofBareSql(context) : ofQueue(context))
  while (now() < end)
}

async function ofQueue(context: BenchContext): Promise<void> {
  const queue = await openQueue(context)
  const count = scaled(context, TASKS * (queue.share ?? 1), 20)
  // Both ways: ready before it starts, and while it runs.
  await queue.enqueue(inputsFrom(0, count))
  await queue.start()
  await queue.whenDone(count)
  await Promise.all([queue.enqueue(inputsFrom(count, count)), queue.whenDone(2 * count)])
  await queue.close()
}

async function ofBareSql(context: BenchContext): Promise<void> {
  const bare = await openBareSql(context)
  const inputs = inputsFrom(0, scaled(context, TASKS, 20))
  await bare.insert(inputs)
  await bare.drain()
  const { drainOverlapped } = bare
  if (drainOverlapped) {
    await bare.insert(inputs)
    await drainOverlapped()
  }
  await bare.close()
}
