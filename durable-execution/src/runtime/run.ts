/**
 * Runs one claimed execution: identify its task, check its takeovers, load its input, call the user's function, decide, settle.
 *
 * User code's end is a value; storing it is another step, with its own retry (`settle`): a hiccup of the storage neither runs it
 * again nor fails it. Keeps G2 (one recorded result), G7 (an end to takeovers), and that nothing unknown is failed.
 */
import { DurableExecutionTimedOutError, messageOf, retryAfterMsOf, toStoredError } from '../errors'
import type { ExecutionChange } from '../execution/change'
import type { ExecutionRecord, NewExecution } from '../execution/record'
import { isWaiting } from '../execution/status'
import * as transitions from '../execution/transitions'
import { delay } from '../lib/environment'
import type { FunctionDefinition, ParentDefinition } from '../task/definition'
import { Begins } from './begins'
import { UserCalls, type RunOutcome } from './call'
import { nextStepRows } from './chain'
import type { HeldClaim } from './held-claims'
import { loadInput, type LoadedInput } from './load-input'
import { checkParentRun, hasFinalize, planChildren, planFinalize } from './parent-run'
import type { Releaser } from './release'
import { RunContext } from './run-context'
import { isFresh, type Flow, type Runtime } from './runtime'
import type { Settler } from './settle'
import { tooManyTakeovers } from './suspects'

/** Between two tries to renew a row that is locked, in milliseconds. */
const LOCKED_PAUSE_MS = 20

/** What is to be written of a run. */
interface Decision {
  readonly change: ExecutionChange
  readonly insertions: readonly NewExecution[]
}

/** Runs claimed executions. */
export class Runner<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly flow: Flow
  private readonly settler: Settler<TTransaction>
  private readonly releaser: Releaser<TTransaction>
  private readonly calls: UserCalls
  private readonly begins: Begins

  constructor(
    runtime: Runtime<TTransaction>,
    flow: Flow,
    settler: Settler<TTransaction>,
    releaser: Releaser<TTransaction>,
  ) {
    this.runtime = runtime
    this.flow = flow
    this.settler = settler
    this.releaser = releaser
    this.calls = new UserCalls(runtime.environment, runtime.options.abortGraceMs)
    this.begins = new Begins(runtime.environment, (held) => void this.run(held))
  }

  /** Runs a claimed execution for which a slot was taken. `sentAt`: when the claim was sent, on the monotonic clock. */
  start(record: ExecutionRecord, sentAt: number): void {
    const { held: claims, slots } = this.runtime
    const held = claims.hold(record, true, sentAt)
    if (held === null) {
      slots.give()
      return
    }
    this.startHeld(held)
  }

  /** Runs a claim that is held already and for which a slot was taken: now, or in one of the next turns. */
  startHeld(held: HeldClaim): void {
    this.begins.add(held)
  }

  /** See {@link Begins.whenBegun}. */
  whenBegun(isEnough?: () => boolean): Promise<void> {
    return this.begins.whenBegun(isEnough)
  }

  private async run(held: HeldClaim): Promise<void> {
    const { held: claims, slots, events } = this.runtime
    try {
      // Where it was cancelled or taken over meanwhile there is nothing to do.
      if (!held.isLost) await this.runHeld(held)
    } catch (error) {
      // Only a shutdown while the storage is away gets here: the lease lapses, and others take over.
      events.emit({ type: 'background_error', job: 'run', message: messageOf(error) })
    } finally {
      claims.drop(held)
      if (held.hasSlot) slots.give()
      if (held.isUnstored) slots.stored()
      if (held.isClaimedAnew) this.startAnew(held)
    }
  }

  /** Claimed again here before its last end was known to be stored. Not left to `recover`: a shutdown would not wait for that. */
  private startAnew({ record, leasedAt }: HeldClaim): void {
    // A parent whose children ended meanwhile: its function has run.
    if (isWaiting(record.status)) return this.flow.resume(record)
    this.runtime.slots.overdraw()
    this.flow.start(record, leasedAt)
  }

  private runHeld(held: HeldClaim): Promise<void> {
    const { record } = held
    const { registry, options, lifecycle } = this.runtime
    // It was on its way when the shutdown began.
    if (lifecycle !== 'started') return this.releaser.release(held, 'shutdown', 0)
    if (record.takeovers > options.maxTakeovers) {
      return this.settler.settle(held, transitions.fail(record, tooManyTakeovers(record)))
    }
    if (record.sleepingKey !== null) return this.settler.settle(held, endOrBeginSleep(record))
    const definition = registry.find(record.taskId)
    if (definition?.kind !== 'function' && definition?.kind !== 'parent') {
      return this.releaser.releaseUnknown(held)
    }
    return this.runFunction(held, definition)
  }

  private async runFunction(
    held: HeldClaim,
    definition: FunctionDefinition | ParentDefinition,
  ): Promise<void> {
    const { slots } = this.runtime
    slots.functionBegins()
    const outcome = await this.execute(held, definition)
    slots.functionEnded()
    held.isRunning = false
    if (outcome.kind === 'shutdown') {
      await this.releaser.release(held, 'shutdown', 0)
    } else if (outcome.kind === 'lost') {
      const { taskId, executionId } = held.record
      this.runtime.events.emit({ type: 'result_dropped', taskId, executionId })
    } else {
      const { change, insertions } = this.decide(held.record, definition, outcome)
      if (insertions.length === 0) this.freeSlot(held)
      await this.settler.settle(held, change, insertions)
    }
  }

  /** Its function has ended. What comes after it may have the slot, else the next execution that is claimed. */
  private freeSlot(held: HeldClaim): void {
    if (!held.hasSlot) return
    held.hasSlot = false
    held.isUnstored = true
    this.runtime.slots.ended()
  }

  /** Never rejects. */
  private execute(
    held: HeldClaim,
    definition: FunctionDefinition | ParentDefinition,
  ): Promise<RunOutcome> {
    // Already now, it may be told to end.
    held.isRunning = true
    try {
      const input = loadInput(this.runtime, held.record, definition)
      if (input instanceof Promise || held.isLost || !isFresh(this.runtime, held.leasedAt)) {
        return this.executeLater(held, definition, input)
      }
      return this.call(held, definition, input)
    } catch (error) {
      return Promise.resolve({ kind: 'threw', error })
    }
  }

  private async executeLater(
    held: HeldClaim,
    definition: FunctionDefinition | ParentDefinition,
    loading: LoadedInput | Promise<LoadedInput>,
  ): Promise<RunOutcome> {
    try {
      const input = await loading
      // Loading may have taken long: others may have taken it over meanwhile, or be about to.
      const mayRun = isFresh(this.runtime, held.leasedAt) || (await this.renew(held))
      if (!mayRun || held.isLost) return { kind: 'lost' }
      return await this.call(held, definition, input)
    } catch (error) {
      return { kind: 'threw', error }
    }
  }

  /** Answers whether it is still ours, and then for a lease. */
  private async renew(held: HeldClaim): Promise<boolean> {
    const { storage, environment, claimant } = this.runtime
    while (!isFresh(this.runtime, held.leasedAt)) {
      const { executionId, claimCount } = held.record
      const claims = [{ executionId, claimCount }]
      let sentAt = environment.monotonic()
      const { outcomes } = await storage.untilAnswered('renew', (verbs, signal) => {
        sentAt = environment.monotonic()
        return verbs.renew({ claims, leaseMs: claimant.leaseMs, signal })
      })
      if (outcomes[0] === 'lost') return false
      if (outcomes[0] === 'renewed') held.leasedAt = Math.max(held.leasedAt, sentAt)
      // Its row is locked at this moment.
      else await delay(environment, LOCKED_PAUSE_MS)
    }
    return true
  }

  private call(
    held: HeldClaim,
    definition: FunctionDefinition | ParentDefinition,
    { input, validate }: LoadedInput,
  ): Promise<RunOutcome> {
    const { taskId, executionId, attempt, timeoutMs } = held.record
    this.runtime.events.emit({ type: 'execution_started', taskId, executionId, attempt })
    const context = new RunContext(held, this.runtime.shutdownSignal)
    const run = definition.kind === 'parent' ? definition.runParent : definition.run
    const call = validate ? async () => run(context, await validate()) : () => run(context, input)
    return this.calls.call(held, call, timeoutMs ?? definition.timeoutMs)
  }

  private decide(
    record: ExecutionRecord,
    definition: FunctionDefinition | ParentDefinition,
    outcome: Extract<RunOutcome, { kind: 'returned' | 'threw' | 'timedOut' }>,
  ): Decision {
    if (outcome.kind !== 'returned') return this.retryOrFail(record, outcome.error)
    try {
      return definition.kind === 'parent'
        ? this.decideParent(record, definition, outcome.value)
        : this.decideFunction(record, outcome.value)
    } catch (error) {
      return this.retryOrFail(record, error)
    }
  }

  private retryOrFail(record: ExecutionRecord, error: unknown): Decision {
    const random = this.runtime.environment.random()
    const change = transitions.retryOrFail(
      record,
      toStoredError(error),
      random,
      retryAfterMsOf(error),
    )
    return { change, insertions: [] }
  }

  private decideFunction(record: ExecutionRecord, value: unknown): Decision {
    const output = this.encodeOutput(record, value)
    const insertions = nextStepRows(this.runtime, record, output)
    return { change: transitions.complete(record, output), insertions }
  }

  private decideParent(
    record: ExecutionRecord,
    definition: ParentDefinition,
    value: unknown,
  ): Decision {
    const { output, children } = checkParentRun(this.runtime, record, value)
    const runOutput = this.encodeOutput(record, output)
    if (children.length > 0) {
      const insertions = planChildren(this.runtime, record, children)
      return { change: transitions.waitForChildren(record, runOutput), insertions }
    }
    if (hasFinalize(definition)) {
      const insertions = planFinalize(this.runtime, record, definition)
      return { change: transitions.waitForFinalize(record, runOutput), insertions }
    }
    return this.decideFunction(record, { output, children: [] })
  }

  private encodeOutput(record: ExecutionRecord, value: unknown): string | null {
    return this.runtime.codec.encode(value, `Output of task ${record.taskId}`, {
      bytes: this.runtime.options.maxSerializedOutputDataSize,
      option: 'maxSerializedOutputDataSize',
    })
  }
}

/** A sleeping execution was claimed to fall asleep, or at its deadline. */
function endOrBeginSleep(record: ExecutionRecord): ExecutionChange {
  if (record.startedAt === null) return transitions.fallAsleep(record)
  const error = new DurableExecutionTimedOutError(
    `Sleeping task execution was not woken within ${record.timeoutMs ?? 0} ms`,
  )
  return transitions.fail(record, toStoredError(error))
}
