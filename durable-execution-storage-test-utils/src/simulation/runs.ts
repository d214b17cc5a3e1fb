/** Many simulations, one seed after another; what fails is made smaller. */
import type { Plan } from './plan'
import { reducePlan } from './reduce'
import { simulate, type SimulationOptions, type SimulationResult } from './simulate'

/** Which simulations are run. */
export interface SimulationsOptions extends Omit<SimulationOptions, 'seed' | 'plan' | 'trace'> {
  /** The first seed. @default 1 */
  readonly seed?: number | undefined
  /** How many seeds. @default 100 */
  readonly seeds?: number | undefined
  /** Stops after so many failures. @default 1 */
  readonly maxFailures?: number | undefined
  /** Called after each. */
  readonly onResult?: ((result: SimulationResult) => void) | undefined
}

/** How many simulations went. */
export interface SimulationsReport {
  readonly seeds: number
  readonly steps: number
  readonly virtualMs: number
  readonly failures: readonly SimulationResult[]
}

/** Runs many simulations. */
export async function simulateSeeds(options: SimulationsOptions = {}): Promise<SimulationsReport> {
  const { seed: first = 1, seeds: count = 100, maxFailures = 1, onResult, ...shared } = options
  const failures: SimulationResult[] = []
  let seeds = 0
  let steps = 0
  let virtualMs = 0
  for (; seeds < count && failures.length < maxFailures; seeds += 1) {
    const result = await simulate({ ...shared, seed: first + seeds })
    steps += result.steps
    virtualMs += result.virtualMs
    if (result.violations.length > 0) failures.push(result)
    onResult?.(result)
  }
  return { seeds, steps, virtualMs, failures }
}

/** The smallest plan found that breaks the same guarantee as a simulation that failed. */
export async function reduceSimulation(
  failed: SimulationResult,
  options: Omit<SimulationOptions, 'seed' | 'plan' | 'trace'> = {},
): Promise<Plan> {
  const guarantee = failed.violations[0]?.guarantee
  return reducePlan(failed.plan, async (plan) => {
    const { violations } = await simulate({ ...options, plan })
    return violations.some((violation) => violation.guarantee === guarantee)
  })
}

/** What went wrong in a simulation, with what repeats it. */
export function describeFailure({ seed, violations, plan }: SimulationResult): string {
  const shown = violations
    .slice(0, MOST_SHOWN)
    .map(({ guarantee, text, atMs }) => `- ${guarantee} at ${atMs.toFixed(3)} ms: ${text}`)
  const more =
    violations.length > MOST_SHOWN ? [`- and ${violations.length - MOST_SHOWN} more`] : []
  const size = `${plan.members.length} members, ${plan.programs.length} programs, ${plan.faults.length} faults`
  return [`Simulation of seed ${seed} failed (${size}):`, ...shown, ...more].join('\n')
}

/** How many violations a message lists. */
const MOST_SHOWN = 10
