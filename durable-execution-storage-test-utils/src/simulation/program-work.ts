/** The programs of a plan as work: what is defined, enqueued and woken, and what must come of it. */
import { DurableExecutionNotFoundError } from 'durable-execution'

import { SeededRandom } from '../lib/random'
import type { Member } from './member'
import type { ProgramPlan } from './plan'
import { childInput, nodesOf, rootInput, type ProgramNode, type SleeperNode } from './program'
import { ProgramCheck, wakeOutput } from './program-check'
import { defineProgram } from './program-tasks'
import type { EnqueuePlan, SimulatedWork } from './work'
import type { World } from './world'

/** Between two tries to wake a sleeper that is not there yet, in milliseconds. */
const WAKE_AGAIN_MS = 400

/** The programs as work. */
export function programWork(programs: readonly ProgramPlan[], seed: number): SimulatedWork {
  const random = new SeededRandom(seed ^ 0x3a3a)
  const partial = new SeededRandom(seed ^ 0x1b1b)
  return {
    define: (executor, host, isPartial) => {
      for (const { root } of programs) {
        const isWhole = !isPartial || partial.chance(0.5)
        // An executor may know a task without the one that it is a part of.
        const nodes = isWhole ? [root] : nodesOf(root).filter(() => partial.chance(0.2))
        const parts = isWhole ? nodes : outermost(nodes)
        for (const node of parts) defineProgram(executor, host, node)
      }
    },
    enqueues: programs.map(enqueueOf),
    begin: (world, isOver) => {
      for (const sleeper of programs.flatMap(({ root }) => sleepersOf(root, rootInput(root)))) {
        new Waker(world, sleeper, random.bits(), isOver).begin()
      }
    },
    check: (rows, { history }) => {
      const check = new ProgramCheck(rows, history)
      const roots = rows.filter(({ parent }) => parent === null)
      for (const { root } of programs) {
        const own = roots.filter(({ taskId }) => taskId === root.id)
        for (const row of own) check.check(root, row, rootInput(root))
        if (own.length > 1) {
          history.violated('G1', `${root.id} was enqueued once and is there ${own.length} times`)
        }
      }
    },
  }
}

/** Nodes that are no parts of one another: a task can't be defined twice. */
function outermost(nodes: readonly ProgramNode[]): ProgramNode[] {
  const taken = new Set<string>()
  return nodes.filter((node) => {
    const ids = nodesOf(node).map(({ id }) => id)
    if (ids.some((id) => taken.has(id))) return false
    for (const id of ids) taken.add(id)
    return true
  })
}

function enqueueOf({ root, atMs, hasOwnId, againAtMs }: ProgramPlan): EnqueuePlan {
  return {
    taskId: root.id,
    input: rootInput(root),
    executionId: hasOwnId ? `own_${root.id}` : undefined,
    atMs,
    againAtMs: hasOwnId ? againAtMs : null,
  }
}

interface Sleeper {
  readonly node: SleeperNode
  readonly uniqueId: string
}

/** Sleepers that are to be woken. Their inputs are known beforehand: see the drawing of sequences. */
function sleepersOf(node: ProgramNode, input: string): Sleeper[] {
  switch (node.kind) {
    case 'function':
    case 'loop':
      return []
    case 'sleeper':
      return node.wake === null ? [] : [{ node, uniqueId: input }]
    case 'sequence': {
      const [first, ...others] = node.steps
      return [
        ...(first ? sleepersOf(first, input) : []),
        ...others.flatMap((step) => sleepersOf(step, '')),
      ]
    }
    case 'parent':
      return [
        ...node.children.flatMap((child, index) => sleepersOf(child, childInput(node, index))),
        ...(node.finalize ? sleepersOf(node.finalize, '') : []),
      ]
  }
}

/** Wakes one sleeper, again and again until it is known to have worked. */
class Waker {
  private readonly world: World
  private readonly sleeper: Sleeper
  private readonly random: SeededRandom
  private readonly isOver: () => boolean
  private isDone = false

  constructor(world: World, sleeper: Sleeper, seed: number, isOver: () => boolean) {
    this.world = world
    this.sleeper = sleeper
    this.random = new SeededRandom(seed)
    this.isOver = isOver
  }

  begin(): void {
    const { time, plan } = this.world
    time.schedule(this.random.fraction() * plan.chaosMs * 1.2, () => {
      this.tryAgain()
    })
  }

  private tryAgain(): void {
    if (this.isDone || this.isOver()) return
    const member = this.world.pickAwake(this.random)
    if (member) void this.wake(member)
    this.world.time.schedule(WAKE_AGAIN_MS * (1 + this.random.fraction()), () => {
      this.tryAgain()
    })
  }

  private async wake(member: Member): Promise<void> {
    const { node, uniqueId } = this.sleeper
    const { awake } = member
    if (!awake) return
    const options =
      node.wake === 'failed'
        ? { status: 'failed' as const, error: new Error(`${node.id} woke badly`) }
        : { status: 'completed' as const, output: wakeOutput(node) }
    this.world.history.trace?.(`${awake.process.name} wakes ${node.id}`)
    try {
      await awake.executor.wakeupSleepingTaskExecution(
        member.taskOf(node.id) as never,
        uniqueId,
        options,
      )
      this.isDone = true
    } catch (error) {
      const isExpected = error instanceof DurableExecutionNotFoundError
      // It is not there yet, its task is unknown there, or that executor is shut down: another try follows.
      if (!isExpected) this.world.history.trace?.(`wake of ${node.id} failed: ${String(error)}`)
    }
  }
}
