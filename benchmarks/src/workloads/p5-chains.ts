/** P5: sequences of ten steps, one alone and five hundred at once. */
import { childTask } from 'durable-execution'

import { percentile, type Figures } from '../measurement'
import { rate, timed } from '../stopwatch'
import type { OpenedExecutor } from '../systems/durable-execution'
import { scaled, STORAGES, type BenchContext, type Workload } from '../workload'
import { besideCommit } from './commit'

const STEPS = 10
const ALONE = 100
/** Chains before the first that is measured. */
const WARM_UP = 200
const AT_ONCE = 500

export const chains: Workload = {
  id: 'P5',
  title: 'A chain of 10 steps, one instance and 500',
  storages: STORAGES,
  systems: ['durable-execution', 'contract-sql'],
  run: (context) => besideCommit(context, measure),
}

async function measure(context: BenchContext, { executor }: OpenedExecutor): Promise<Figures> {
  const step = executor.task({
    id: 'step',
    timeoutMs: 60_000,
    run: async (_context, n: number) => n + 1,
  })
  const chain = executor.sequentialTasks('chain', [
    step,
    ...Array.from({ length: STEPS - 1 }, () => step),
  ])
  await executor.start()
  const runOne = async (): Promise<void> => {
    const handle = await executor.enqueueTask(chain, 0)
    await handle.waitAndGetOutput()
  }
  const runMany = async (count: number): Promise<void> => {
    const handles = await executor.enqueueTasks(
      Array.from({ length: count }, () => childTask(chain, 0)),
    )
    const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
    if (outputs.some((output) => output !== STEPS)) throw new Error('A chain missed a step')
  }
  const samples: number[] = []
  for (let count = scaled(context, WARM_UP); count > 0; count -= 1) await runOne()
  for (let count = scaled(context, ALONE); count > 0; count -= 1) samples.push(await timed(runOne))
  const atOnce = scaled(context, AT_ONCE)
  await runMany(atOnce)
  const ms = await timed(() => runMany(atOnce))
  return { chain: percentile(samples, 0.5), chain_steps: rate(atOnce * STEPS, ms) }
}
