/** P4: parents wait for their children, beside as many plain tasks; and a tree of one child a level. */
import { childTask, type Task } from 'durable-execution'

import { mediansOf, type Figures } from '../measurement'
import { timed } from '../stopwatch'
import type { OpenedExecutor } from '../systems/durable-execution'
import { outputOf } from '../systems/queue'
import { scaled, STORAGES, type BenchContext, type Workload } from '../workload'
import { besideCommit } from './commit'

const CHILDREN = 1000
const PARENTS = 100
const CHILDREN_OF_MANY = 10
const LEVELS = 100
/** Each is too short to be measured once. */
const ROUNDS = 5

export const trees: Workload = {
  id: 'P4',
  title: '1 parent of 1,000 children, 100 parents of 10, a tree 100 levels deep',
  storages: STORAGES,
  systems: ['durable-execution', 'contract-sql'],
  run: (context) => besideCommit(context, measure),
}

async function measure(context: BenchContext, { executor }: OpenedExecutor): Promise<Figures> {
  const leaf = executor.task({
    id: 'leaf',
    timeoutMs: 60_000,
    run: async (_context, n: number) => outputOf({ n }),
  })
  const parent = executor.parentTask({
    id: 'parent',
    timeoutMs: 60_000,
    runParent: async (_context, count: number) => ({
      output: count,
      children: Array.from({ length: count }, (_, index) => childTask(leaf, index)),
    }),
    finalize: ({ children }) => children.filter(({ status }) => status === 'completed').length,
  })
  // The task is its own child: its type can't be inferred from itself.
  const levels: { task: Task<number, unknown> | null } = { task: null }
  const level = executor.parentTask({
    id: 'level',
    timeoutMs: 60_000,
    runParent: async (_context, left: number) => ({
      output: left,
      children: left > 0 && levels.task ? [childTask(levels.task, left - 1)] : [],
    }),
  })
  levels.task = level
  await executor.start()

  const count = scaled(context, CHILDREN)
  const parents = scaled(context, PARENTS)
  const depth = scaled(context, LEVELS)
  const runParents = async (many: number, each: number): Promise<void> => {
    const handles = await executor.enqueueTasks(
      Array.from({ length: many }, () => childTask(parent, each)),
    )
    const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
    if (outputs.some((output) => output !== each)) throw new Error('A parent missed a child')
  }
  const runPlain = async (many: number): Promise<void> => {
    const handles = await executor.enqueueTasks(
      Array.from({ length: many }, (_, index) => childTask(leaf, index)),
    )
    await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
  }
  const runDeep = async (): Promise<void> => {
    const handle = await executor.enqueueTask(level, depth)
    await handle.waitAndGetFinishedExecution()
  }
  // A first round of each: compiled code, prepared statements, connections.
  await runParents(1, count)
  await runPlain(count)
  await runParents(parents, CHILDREN_OF_MANY)
  await runDeep()
  const rounds: Figures[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({
      fan_in_plain: await timed(() => runPlain(count + 2)),
      fan_in: await timed(() => runParents(1, count)),
      parents_plain: await timed(() => runPlain(parents * (CHILDREN_OF_MANY + 2))),
      parents: await timed(() => runParents(parents, CHILDREN_OF_MANY)),
      deep_tree_level: (await timed(runDeep)) / depth,
    })
  }
  return mediansOf(rounds)
}
