/** Makes a plan that fails smaller, as long as it fails in the same way. */
import { CALM } from './connection'
import type { FaultPlan, MemberPlan, Plan } from './plan'
import type { ProgramNode } from './program'

/** Tells whether a plan still fails. */
export type StillFails = (plan: Plan) => Promise<boolean>

/**
 * Leaves out noise, faults, programs, members and parts of programs, as long as the plan still fails.
 *
 * @param maxRuns - How many plans are tried at most.
 */
export async function reducePlan(plan: Plan, stillFails: StillFails, maxRuns = 300): Promise<Plan> {
  const search = new Search(plan, stillFails, maxRuns)
  let size = Infinity
  while (sizeOf(search.best) < size) {
    size = sizeOf(search.best)
    await search.round()
  }
  return search.best
}

class Search {
  best: Plan
  private readonly stillFails: StillFails
  private runsLeft: number

  constructor(best: Plan, stillFails: StillFails, runsLeft: number) {
    this.best = best
    this.stillFails = stillFails
    this.runsLeft = runsLeft
  }

  async round(): Promise<void> {
    await this.leaveOut('faults', (plan, faults) => ({ ...plan, faults }))
    await this.leaveOut('programs', (plan, programs) => ({ ...plan, programs }))
    await this.leaveOutMembers()
    await this.calmMembers()
    await this.simplifyPrograms()
  }

  /** Halves, then quarters, …, then single ones. */
  private async leaveOut<TKey extends 'faults' | 'programs'>(
    key: TKey,
    withParts: (plan: Plan, parts: Plan[TKey]) => Plan,
  ): Promise<void> {
    for (let size = Math.ceil(this.best[key].length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let from = 0; from < this.best[key].length;) {
        const parts = this.best[key].filter((_, index) => index < from || index >= from + size)
        // What is filtered stays of its kind.
        if (!(await this.tries(withParts(this.best, parts as unknown as Plan[TKey])))) from += size
      }
    }
  }

  private async leaveOutMembers(): Promise<void> {
    for (let index = this.best.members.length - 1; index >= 0; index -= 1) {
      if (this.best.members.length === 1) return
      await this.tries(withoutMember(this.best, index))
    }
  }

  private async calmMembers(): Promise<void> {
    for (const [index, member] of this.best.members.entries()) {
      const calmed: Partial<MemberPlan>[] = []
      if (member.noise !== CALM) calmed.push({ noise: CALM })
      if (member.hints !== null) calmed.push({ hints: null })
      for (const calm of calmed) {
        const members = this.best.members.map((other, at) =>
          at === index ? { ...other, ...calm } : other,
        )
        await this.tries({ ...this.best, members })
      }
    }
  }

  private async simplifyPrograms(): Promise<void> {
    for (let index = 0; index < this.best.programs.length; index += 1) {
      while (await this.simplifyProgram(index));
    }
  }

  private async simplifyProgram(index: number): Promise<boolean> {
    const program = this.best.programs[index]
    for (const root of program ? simplerNodes(program.root) : []) {
      const programs = this.best.programs.map((other, at) =>
        at === index ? { ...other, root } : other,
      )
      if (await this.tries({ ...this.best, programs })) return true
    }
    return false
  }

  private async tries(plan: Plan): Promise<boolean> {
    if (this.runsLeft <= 0) return false
    this.runsLeft -= 1
    const fails = await this.stillFails(plan)
    if (fails) this.best = plan
    return fails
  }
}

function withoutMember(plan: Plan, left: number): Plan {
  const faults = plan.faults.flatMap((fault): FaultPlan[] => {
    if (!('member' in fault) || fault.member < left) return [fault]
    return fault.member === left ? [] : [{ ...fault, member: fault.member - 1 }]
  })
  return { ...plan, members: plan.members.filter((_, index) => index !== left), faults }
}

/** The node with a part of it left out, or with less in a part. */
function simplerNodes(node: ProgramNode): ProgramNode[] {
  switch (node.kind) {
    case 'function':
    case 'sleeper':
    case 'loop':
      return []
    case 'sequence':
      return simplerLists(node.steps)
        .filter((steps) => steps.length > 0)
        .map((steps) => ({ ...node, steps }))
    case 'parent': {
      const finalize = node.finalize ? [{ ...node, finalize: null }] : []
      return [
        ...finalize,
        ...simplerLists(node.children).map((children) => ({ ...node, children })),
      ]
    }
  }
}

function simplerLists(nodes: readonly ProgramNode[]): ProgramNode[][] {
  return nodes.flatMap((node, index) => [
    nodes.filter((_, at) => at !== index),
    ...simplerNodes(node).map((simpler) =>
      nodes.map((other, at) => (at === index ? simpler : other)),
    ),
  ])
}

function sizeOf({ faults, members, programs }: Plan): number {
  const noisy = members.filter(({ noise }) => noise !== CALM).length
  const hearing = members.filter(({ hints }) => hints !== null).length
  return faults.length + members.length + noisy + hearing + JSON.stringify(programs).length
}
