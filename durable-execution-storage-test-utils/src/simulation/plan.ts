/** What is to happen in a simulation, drawn from its seed: members, programs, settings, faults. A value: parts can be left out. */
import { SeededRandom } from '../lib/random'
import { CALM, type Away, type Noise } from './connection'
import { CALM_HINTS, type HintNoise } from './hints'
import { drawProgram, QUEUES, type ProgramNode } from './program'

/** A member: a machine on which one executor after another runs. */
export interface MemberPlan {
  readonly name: string
  /** It only enqueues, wakes and cancels. */
  readonly isClient: boolean
  readonly queues: readonly string[]
  readonly maxConcurrentTaskExecutions: number
  readonly pollIntervalMs: number
  readonly wallClockOffByMs: number
  readonly latenessMs: number
  readonly noise: Noise
  /** How hints of the storage fare; `null`: it gets none, and polls. */
  readonly hints: HintNoise | null
  /** The chance that an incarnation of it knows only some of the tasks. */
  readonly partialChance: number
  /** From the end of one incarnation to the next, in milliseconds. */
  readonly restartMs: number
}

/** A program, and how it is enqueued. */
export interface ProgramPlan {
  readonly root: ProgramNode
  readonly atMs: number
  /** Whether it is enqueued under an id of its own, and so again until that is known to have worked. */
  readonly hasOwnId: boolean
  /** Enqueued once more at this moment; `null`: not. */
  readonly againAtMs: number | null
}

/** Something that goes wrong, or is done by hand. `member` is an index. */
export type FaultPlan = { readonly atMs: number } & (
  | { readonly kind: 'crash'; readonly member: number }
  | { readonly kind: 'crashAtYield'; readonly member: number; readonly yields: number }
  | { readonly kind: 'stop'; readonly member: number; readonly forMs: number }
  | { readonly kind: 'cut'; readonly member: number; readonly forMs: number; readonly away: Away }
  | { readonly kind: 'outage'; readonly forMs: number; readonly away: Away }
  /** It hears no hints, and may know so. */
  | {
      readonly kind: 'deaf'
      readonly member: number
      readonly forMs: number
      readonly isTold: boolean
    }
  | { readonly kind: 'deploy'; readonly member: number; readonly graceMs: number }
  | { readonly kind: 'cancel'; readonly member: number; readonly pick: number }
)

/** What is to happen. */
export interface Plan {
  readonly seed: number
  readonly leaseMs: number
  /** How long faults go on, in milliseconds. */
  readonly chaosMs: number
  readonly members: readonly MemberPlan[]
  readonly programs: readonly ProgramPlan[]
  readonly faults: readonly FaultPlan[]
  /** Whether executors are watched doing nothing in the end. */
  readonly watchesIdle: boolean
}

/** Draws a plan. */
export function drawPlan(seed: number): Plan {
  return new Drawing(seed).plan()
}

/** What a plan is about: a mixture of everything, or more of one thing. */
type Theme = 'mixed' | 'outages' | 'killers' | 'stops' | 'cancels'

const THEMES: Readonly<Record<Theme, number>> = {
  mixed: 5,
  outages: 1,
  killers: 1,
  stops: 1,
  cancels: 1,
}

class Drawing {
  private readonly seed: number
  private readonly random: SeededRandom
  /** Apart, so that all else of a plan is as it was before there were hints. */
  private readonly hintRandom: SeededRandom
  private readonly theme: Theme
  private readonly leaseMs: number
  private readonly chaosMs: number
  /** How rough it is, from 0 (no faults) to 1. */
  private readonly roughness: number

  constructor(seed: number) {
    const random = new SeededRandom(seed)
    this.seed = seed
    this.random = random
    this.hintRandom = new SeededRandom(seed ^ 0x41c7)
    this.theme = random.weighted(THEMES, 'mixed')
    this.leaseMs = random.oneOf(1000, 1500, 3000)
    this.chaosMs = this.leaseMs * random.integer(2, 5)
    this.roughness = random.oneOf(0, 0.3, 0.7, 1)
  }

  plan(): Plan {
    const { random, seed, leaseMs, chaosMs } = this
    const isQuietNetwork = random.chance(this.theme === 'mixed' ? 0.4 : 0.8)
    const members = Array.from(
      { length: random.integer(this.theme === 'mixed' ? 1 : 2, 4) },
      (_, index) => this.member(index, isQuietNetwork),
    )
    const programs = this.programs()
    const faults = [...this.faults(members.length), ...this.deafness(members.length)].sort(
      (a, b) => a.atMs - b.atMs,
    )
    return { seed, leaseMs, chaosMs, members, programs, faults, watchesIdle: random.chance(0.15) }
  }

  private member(index: number, isQuietNetwork: boolean): MemberPlan {
    const { random } = this
    return {
      name: `e${index}`,
      isClient: index > 0 && random.chance(0.15),
      queues: random.chance(0.8) ? QUEUES : [random.oneOf(...QUEUES)],
      maxConcurrentTaskExecutions: random.oneOf(1, 1, 2, 4, 8, 1000),
      pollIntervalMs: random.oneOf(50, 200, 200, 200, 1000),
      wallClockOffByMs: random.oneOf(
        0,
        random.integer(-10, 10) * 1000,
        random.integer(-10, 10) * 3_600_000,
      ),
      latenessMs: random.oneOf(0, 1, 20),
      noise: isQuietNetwork ? this.quiet() : this.noise(),
      hints: this.hints(),
      partialChance: random.oneOf(0, 0, 0.5),
      restartMs: random.integer(1, this.leaseMs),
    }
  }

  private quiet(): Noise {
    return { ...CALM, usualMs: this.random.oneOf(1, 5, 20) }
  }

  private noise(): Noise {
    const { random, roughness, leaseMs } = this
    return {
      usualMs: random.oneOf(1, 5, 20),
      slowChance: random.fraction() * 0.1 * roughness,
      slowMs: random.fraction() * leaseMs * 1.2,
      lostRequestChance: random.fraction() * 0.04 * roughness,
      lostAnswerChance: random.fraction() * 0.08 * roughness,
      errorChance: random.fraction() * 0.08 * roughness,
    }
  }

  private hints(): HintNoise | null {
    const { hintRandom: random, leaseMs } = this
    if (random.chance(0.25)) return null
    if (random.chance(0.4)) return CALM_HINTS
    return {
      slowMs: random.oneOf(5, 50, leaseMs),
      lossChance: random.oneOf(0, 0.1, 0.5, 1),
    }
  }

  private deafness(memberCount: number): FaultPlan[] {
    const { hintRandom: random, roughness, leaseMs, chaosMs } = this
    const count = Math.round(random.integer(0, 4) * roughness)
    return Array.from({ length: count }, () => ({
      kind: 'deaf' as const,
      atMs: random.fraction() * chaosMs,
      member: random.integer(0, memberCount - 1),
      forMs: random.fraction() * leaseMs * 2,
      isTold: random.chance(0.5),
    }))
  }

  private programs(): ProgramPlan[] {
    const { random, chaosMs, roughness, theme, leaseMs } = this
    const killChance = theme === 'killers' ? 0.35 : random.chance(0.3) ? 0.08 : 0
    const isLong = theme === 'outages' || theme === 'stops'
    const traits = {
      longestMs: isLong ? leaseMs * 4 : random.oneOf(50, leaseMs, leaseMs * 2),
      killChance,
      size: theme === 'cancels' ? 12 : random.oneOf(1, 4, 8),
    }
    const count = random.integer(1, random.oneOf(2, 6, 12))
    return Array.from({ length: count }, (_, index) => ({
      root: drawProgram(random, `p${index}`, traits),
      atMs: random.fraction() * chaosMs * 0.7,
      hasOwnId: random.chance(0.5 + 0.2 * roughness),
      againAtMs: random.chance(0.2) ? random.fraction() * chaosMs : null,
    }))
  }

  private faults(memberCount: number): FaultPlan[] {
    const { random, roughness } = this
    const { theme } = this
    const share = theme === 'mixed' ? roughness : theme === 'killers' ? 0.15 : 0.6
    const count = Math.round(random.integer(1, 12) * share)
    const weights = { ...KINDS, ...EMPHASIS[theme] }
    const outages = { lastEnd: -Infinity }
    return Array.from({ length: count }, () => {
      const kind = random.weighted(weights, 'crash')
      return this.fault(kind, random.integer(0, memberCount - 1))
    })
      .sort((a, b) => a.atMs - b.atMs)
      .filter((fault) => this.isApart(fault, outages))
  }

  /** Between two outages of the storage owners have the time to renew. */
  private isApart(fault: FaultPlan, outages: { lastEnd: number }): boolean {
    if (fault.kind !== 'outage') return true
    if (fault.atMs < outages.lastEnd + this.leaseMs) return false
    outages.lastEnd = fault.atMs + fault.forMs
    return true
  }

  private fault(kind: keyof typeof KINDS, member: number): FaultPlan {
    const { random, leaseMs } = this
    const atMs = random.fraction() * this.chaosMs
    const away = random.oneOf('hangs', 'fails')
    const forMs = leaseMs * random.oneOf(0.1, 0.5, 1.2, 2) * (0.5 + random.fraction())
    switch (kind) {
      case 'crash':
        return { kind, atMs, member }
      case 'crashAtYield':
        return { kind, atMs, member, yields: random.integer(1, 30) }
      case 'stop':
        return { kind, atMs, member, forMs }
      case 'cut':
        return { kind, atMs, member, forMs, away }
      case 'outage':
        return { kind, atMs, forMs, away }
      case 'deploy':
        return { kind, atMs, member, graceMs: random.oneOf(0, 100, leaseMs) }
      case 'cancel':
        return { kind, atMs, member, pick: random.fraction() }
    }
  }
}

/** What else there is of each kind, by theme. */
const EMPHASIS: Readonly<Record<Theme, Partial<typeof KINDS>>> = {
  mixed: {},
  outages: { crash: 0, crashAtYield: 0, stop: 0, cut: 0, deploy: 0, cancel: 0 },
  killers: {},
  stops: { stop: 20 },
  cancels: { cancel: 20 },
}

const KINDS = { crash: 2, crashAtYield: 4, stop: 2, cut: 2, outage: 2, deploy: 2, cancel: 3 }
