/** Random programs of tasks, as plain values: what runs, and from which what must come of it is computed. */
import type { SeededRandom } from '../lib/random'

/** What one attempt of a function does in the end. */
export type Behaviour =
  /** returns */
  | 'returns'
  /** throws what may be tried again */
  | 'throws'
  /** throws what may not */
  | 'fails'
  /** goes on for longer than its time-out */
  | 'overruns'
  /** returns what the storage refuses for good */
  | 'refused'

/** A function. */
export interface Work {
  /** By attempt; the last for all that follow. */
  readonly behaviours: readonly Behaviour[]
  /** How many of its first runs kill their process. */
  readonly kills: number
  readonly durationMs: number
  readonly timeoutMs: number
  readonly maxAttempts: number
  readonly retryDelayMs: number
  readonly sleepMsBeforeRun: number
  /** Whether it ends when its signal fires. */
  readonly heedsSignal: boolean
}

interface Node {
  /** The id of its task. */
  readonly id: string
  readonly queue: string | undefined
}

/** A task that is a function. */
export interface FunctionNode extends Node {
  readonly kind: 'function'
  readonly work: Work
  /** It is the iteration of a loop, which is done after so many; `null`: it is none. */
  readonly iterations: number | null
}

/** A parent; its children get `childInput` of it. */
export interface ParentNode extends Node {
  readonly kind: 'parent'
  readonly work: Work
  readonly children: readonly ProgramNode[]
  readonly finalize: FunctionNode | ParentNode | null
}

/** Tasks one after another. */
export interface SequenceNode extends Node {
  readonly kind: 'sequence'
  readonly steps: readonly ProgramNode[]
}

/** One function again and again. */
export interface LoopNode extends Node {
  readonly kind: 'loop'
  readonly iteration: FunctionNode & { readonly iterations: number }
  readonly maxIterations: number
  readonly sleepMsBeforeRun: number
}

/** Sleeps. */
export interface SleeperNode extends Node {
  readonly kind: 'sleeper'
  readonly timeoutMs: number
  readonly sleepMsBeforeRun: number
  /** How it is woken; `null`: never, it times out. */
  readonly wake: 'completed' | 'failed' | null
}

/** A task of a program. */
export type ProgramNode = FunctionNode | ParentNode | SequenceNode | LoopNode | SleeperNode

/** The queues that executors take work from. */
export const QUEUES = ['default', 'other'] as const

/** A time-out that is not to be reached, in milliseconds. */
const LONG_MS = 600_000

/** The input of a child at a place. A sleeper's is its unique id: twins are given the same. */
export function childInput(parent: ParentNode, index: number): string {
  const child = parent.children[index]
  const first = parent.children.findIndex(({ id }) => id === child?.id)
  return child?.kind === 'sleeper' ? `${parent.id} ${first}` : `${parent.id} ${index}`
}

/** The input of a program. */
export function rootInput(node: ProgramNode): string {
  return `of ${node.id}`
}

/** What programs may contain. */
export interface ProgramTraits {
  /** The longest a function takes, in milliseconds. */
  readonly longestMs: number
  /** The chance that a function kills its process. */
  readonly killChance: number
  /** The most nodes. */
  readonly size: number
}

/** Draws a program. */
export function drawProgram(random: SeededRandom, id: string, traits: ProgramTraits): ProgramNode {
  return new Drawing(random, traits).node(id, 0)
}

class Drawing {
  private readonly random: SeededRandom
  private readonly traits: ProgramTraits
  private left: number

  constructor(random: SeededRandom, traits: ProgramTraits) {
    this.random = random
    this.traits = traits
    this.left = traits.size
  }

  node(id: string, depth: number): ProgramNode {
    this.left -= 1
    const deep = depth >= 3 || this.left <= 0 ? 0 : 1
    const weights = { function: 3, parent: 4 * deep, sequence: 2 * deep, loop: deep, sleeper: 1 }
    switch (this.random.weighted(weights, 'function')) {
      case 'function':
        return this.function(id)
      case 'parent':
        return this.parent(id, depth)
      case 'sequence':
        return this.sequence(id, depth)
      case 'loop':
        return this.loop(id)
      case 'sleeper':
        return this.sleeper(id)
    }
  }

  private function(id: string): FunctionNode {
    return { kind: 'function', id, queue: this.queue(), work: this.work(), iterations: null }
  }

  private parent(id: string, depth: number): ParentNode {
    const { random } = this
    const count = random.integer(0, Math.min(4, Math.max(0, this.left)))
    const children = Array.from({ length: count }, (_, index) =>
      this.node(`${id}_${index}`, depth + 1),
    )
    const [first] = children
    // Twins: the same task twice. If it sleeps, the second finds its key taken.
    if (first && (first.kind === 'sleeper' || first.kind === 'function') && random.chance(0.2)) {
      children.push(first)
    }
    return {
      kind: 'parent',
      id,
      queue: this.queue(),
      work: this.work(),
      children,
      finalize: this.finalize(id, depth),
    }
  }

  private finalize(id: string, depth: number): FunctionNode | ParentNode | null {
    const { random } = this
    if (random.chance(0.35)) return null
    const isParent = depth < 2 && this.left > 1 && random.chance(0.15)
    return isParent ? this.parent(`${id}_f`, depth + 1) : this.function(`${id}_f`)
  }

  private sequence(id: string, depth: number): SequenceNode {
    const count = this.random.integer(1, 4)
    const steps = Array.from({ length: count }, (_, index) => {
      const step = this.node(`${id}_${index}`, depth + 1)
      // Only the first input is known beforehand: a sleeper's has to be, to wake it.
      const needsInput = index > 0 && hasSleeperAtStart(step)
      return needsInput ? this.function(`${id}_${index}x`) : step
    })
    return { kind: 'sequence', id, queue: this.queue(), steps }
  }

  private loop(id: string): LoopNode {
    const { random } = this
    const iterations = random.integer(1, 4)
    return {
      kind: 'loop',
      id,
      queue: this.queue(),
      iteration: { ...this.function(`${id}_i`), iterations },
      maxIterations: random.chance(0.2) ? Math.max(1, iterations - 1) : iterations + 1,
      sleepMsBeforeRun: random.oneOf(0, 0, random.integer(1, 300)),
    }
  }

  private sleeper(id: string): SleeperNode {
    const { random } = this
    const wake = random.oneOf('completed' as const, 'completed', 'failed', null)
    return {
      kind: 'sleeper',
      id,
      queue: this.queue(),
      timeoutMs: wake === null ? random.integer(1, 3000) : LONG_MS,
      sleepMsBeforeRun: random.oneOf(0, 0, random.integer(1, 1000)),
      wake,
    }
  }

  private work(): Work {
    const { random, traits } = this
    const maxAttempts = random.oneOf(0, 0, 1, 2, 3)
    const behaviours = Array.from({ length: maxAttempts + 1 }, () =>
      random.weighted(BEHAVIOURS, 'returns'),
    )
    const durationMs = random.oneOf(0, random.integer(1, 20), random.integer(1, traits.longestMs))
    const overruns = behaviours.includes('overruns')
    return {
      behaviours,
      kills: random.chance(traits.killChance) ? random.oneOf(1, 2, 3, 100) : 0,
      durationMs,
      timeoutMs: overruns ? durationMs + random.integer(50, 500) : LONG_MS,
      maxAttempts,
      retryDelayMs: random.oneOf(0, random.integer(1, 500)),
      sleepMsBeforeRun: random.oneOf(0, 0, 0, random.integer(1, 1500)),
      heedsSignal: random.chance(0.6),
    }
  }

  private queue(): string | undefined {
    return this.random.chance(0.15) ? this.random.pick(QUEUES) : undefined
  }
}

const BEHAVIOURS = { returns: 14, throws: 4, fails: 1, overruns: 1, refused: 0.4 }

/** Whether the input of this node would become that of a sleeper. */
function hasSleeperAtStart(node: ProgramNode): boolean {
  if (node.kind === 'sleeper') return true
  const [first] = node.kind === 'sequence' ? node.steps : []
  return first !== undefined && hasSleeperAtStart(first)
}

/** A node with all below it, parents before children. */
export function nodesOf(node: ProgramNode): ProgramNode[] {
  return [node, ...partsOf(node).flatMap(nodesOf)]
}

/** The nodes right below. */
function partsOf(node: ProgramNode): ProgramNode[] {
  switch (node.kind) {
    case 'function':
    case 'sleeper':
      return []
    case 'parent':
      return node.finalize ? [...node.children, node.finalize] : [...node.children]
    case 'sequence':
      return [...node.steps]
    case 'loop':
      return [node.iteration]
  }
}
