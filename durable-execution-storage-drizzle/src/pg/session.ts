/**
 * How programs reach the database: on a connection of the driver, in a transaction of their own where they need one. What met
 * others is tried again here, and what lost its connection if it may be repeated.
 */
import { createHash } from 'node:crypto'

import { Backoff, delay, type Environment } from 'durable-execution'

import { heldUp } from '../held-up'
import { givenUp, type Driver, type Execute, type Query } from './driver'
import { encodeParams } from './encoding'
import { classify, isLockTimeout } from './errors'
import { Hints } from './hints'
import { sized } from './plan-sizes'
import { runProgram, type Program, type Step } from './program'

/** A program and how it is run. */
export interface Work<T> {
  /** Makes the program, once for each try. */
  readonly program: () => Program<T>
  /** Whether it is several statements that belong together. */
  readonly isTransaction: boolean
  /** Whether it may run again when its answer was lost. */
  readonly isRepeatable: boolean
  /** Whether it fails where it would wait for a lock. */
  readonly isImpatient?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** What sessions need besides the driver. */
export interface SessionOptions {
  readonly environment: Environment
  readonly preparedStatements: boolean
  /** Told what a program noted, when its writes are committed. */
  readonly onHints?: ((hints: Hints) => void) | undefined
}

/** How often a program is tried that meets others: a deadlock takes a second to be found. */
const MAX_CONFLICTS = 10
/** How often a program is repeated whose connection was lost: connections of a pool die together. */
const MAX_LOSSES = 3

const FIRST_PAUSE_MS = 4
const LONGEST_PAUSE_MS = 250

/** What happened to a program that is tried again. */
interface Troubles {
  conflicts: number
  losses: number
  unprepared: number
}

/** Runs programs on one Drizzle database. */
export class Session {
  private readonly driver: Driver
  private readonly environment: Environment
  private readonly onHints: (hints: Hints) => void
  private isPreparing: boolean
  /** A statement outside of a transaction has the server's default isolation; once that got in the way, none is sent so. */
  private needsIsolation = false
  private readonly names = new Map<string, string>()

  constructor(driver: Driver, options: SessionOptions) {
    const { environment, preparedStatements, onHints = () => undefined } = options
    this.driver = driver
    this.onHints = onHints
    this.environment = environment
    this.isPreparing = preparedStatements
  }

  /** Runs a program in a transaction of its own, or as single statements. */
  async run<T>(work: Work<T>): Promise<T> {
    const { environment } = this
    const backoff = new Backoff({
      baseMs: FIRST_PAUSE_MS,
      maxMs: LONGEST_PAUSE_MS,
      random: () => environment.random(),
    })
    const troubles: Troubles = { conflicts: 0, losses: 0, unprepared: 0 }
    for (;;) {
      if (isAborted(work)) throw givenUp()
      try {
        const hints = new Hints()
        const answer = await this.attempt(work, hints)
        if (!hints.isEmpty) this.onHints(hints)
        return answer
      } catch (error) {
        if (isAborted(work)) throw givenUp(error)
        if (work.isImpatient === true && isLockTimeout(error)) throw heldUp(error)
        if (!this.isWorthRepeating(error, work, troubles)) throw error
        await delay(environment, backoff.next(), work.signal)
      }
    }
  }

  private attempt<T>({ program, isTransaction, signal }: Work<T>, hints: Hints): Promise<T> {
    const drive = (execute: Execute): Promise<T> =>
      runProgram(
        program(),
        (step) => execute(this.prepared(step)),
        (noted) => {
          hints.note(noted)
        },
      )
    return isTransaction || this.needsIsolation
      ? this.driver.transaction(drive, signal)
      : drive((query) => this.driver.query(query, signal))
  }

  private isWorthRepeating<T>(error: unknown, work: Work<T>, troubles: Troubles): boolean {
    switch (classify(error)) {
      case 'conflict':
        this.needsIsolation = this.needsIsolation || !work.isTransaction
        troubles.conflicts += 1
        return troubles.conflicts < MAX_CONFLICTS
      case 'unprepared':
        // Several calls may meet it at once: each goes on without.
        this.stopPreparing()
        troubles.unprepared += 1
        return troubles.unprepared === 1
      case 'away':
        troubles.losses += 1
        return work.isRepeatable && troubles.losses < MAX_LOSSES
      case 'refused':
        return false
    }
  }

  private stopPreparing(): void {
    if (!this.isPreparing) return
    this.isPreparing = false
    process.emitWarning(
      'Prepared statements were lost between two statements, as behind a pooler in transaction mode: going on without. Set preparedStatements: false to say so from the beginning',
      { type: 'DurableExecutionWarning', code: 'DURABLE_EXECUTION_UNPREPARED' },
    )
  }

  /** The name says what the text is: behind a pooler connections meet the statements of others. */
  private prepared(step: Step): Query {
    const params = encodeParams(step, this.driver.textForm)
    const { text, isPrepared } = sized(step)
    if (!this.isPreparing || !isPrepared) return { text, params, name: null }
    const name = this.names.get(text) ?? nameOf(text)
    this.names.set(text, name)
    return { text, params, name }
  }
}

function nameOf(text: string): string {
  return `durable_execution_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
}

function isAborted({ signal }: { readonly signal?: AbortSignal | undefined }): boolean {
  return signal?.aborted === true
}
