/** `pnpm simulate --seeds 10000 [--seed 1] [--trace]`: runs many simulations, or repeats one; says what fails, and makes it smaller. */
import { parseArgs } from 'node:util'

import { systemClock } from '../lib/until'
import { describeFailure, reduceSimulation, simulateSeeds } from './runs'
import { simulate, type SimulationResult } from './simulate'

const PROGRESS_EVERY = 1000

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function readNumber(text: string | undefined, name: string, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`--${name}: expected a whole number of at least 0, got ${text}`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      trace: { type: 'boolean', default: false },
      whole: { type: 'boolean', default: false },
    },
  })
  const seed = readNumber(values.seed, 'seed', 1)
  const seeds = readNumber(values.seeds, 'seeds', values.seed === undefined ? 1000 : 1)
  if (values.trace && values.whole) {
    show(await simulate({ seed, trace: say }))
    return
  }
  const begunAt = systemClock.monotonic()
  let done = 0
  const report = await simulateSeeds({
    seed,
    seeds,
    onResult: () => {
      done += 1
      if (done % PROGRESS_EVERY === 0) say(`${done} seeds`)
    },
  })
  const seconds = (systemClock.monotonic() - begunAt) / 1000
  say(
    `${report.seeds} seeds from ${seed}, ${report.steps} steps, ${Math.round(report.virtualMs / 1000)} s of virtual time in ${seconds.toFixed(1)} s: ${report.failures.length} failed`,
  )
  const [failure] = report.failures
  if (failure) await showReduced(failure, values.trace)
  else if (values.trace) await simulate({ seed, trace: say })
}

/** A failure as it was, and in the smallest form found. */
async function showReduced(failure: SimulationResult, hasTrace: boolean): Promise<void> {
  show(failure)
  say(`Repeat it by: pnpm simulate --seed ${failure.seed} --trace (the whole of it: --whole)`)
  const plan = await reduceSimulation(failure)
  say('The smallest form found:')
  const reduced = await simulate({ plan, ...(hasTrace && { trace: say }) })
  say(JSON.stringify(plan))
  show(reduced)
}

function show(result: SimulationResult): void {
  const isFailed = result.violations.length > 0
  say(isFailed ? describeFailure(result) : `Simulation of seed ${result.seed} passed`)
  if (isFailed) process.exitCode = 1
}

await main()
