/**
 * Resumes a claimed parent that has nothing to wait for any more: starts its finalize, or ends it with what its children or its
 * finalize came to; a chain goes on with its next step where the step before could not insert it.
 *
 * Keeps G4: whatever goes wrong here ends in the parent's own row (`finalize_failed`), or in a visible retry. Takes no slot.
 */
import { DurableExecutionError, messageOf, toStoredError } from '../errors'
import type { ExecutionChange } from '../execution/change'
import { errorOf } from '../execution/execution'
import type { ExecutionRecord, NewExecution } from '../execution/record'
import * as transitions from '../execution/transitions'
import { isChain, type ChainDefinition, type ParentDefinition } from '../task/definition'
import { afterStep, nextStepRows, planNextStep } from './chain'
import { readChildren, readFamily } from './family'
import type { HeldClaim } from './held-claims'
import { hasFinalize, planFinalize } from './parent-run'
import type { Releaser } from './release'
import type { Flow, Runtime } from './runtime'
import type { Settler } from './settle'
import { tooManyTakeovers } from './suspects'

interface Decision {
  readonly change: ExecutionChange
  readonly insertions: readonly NewExecution[]
}

/** Resumes parents. */
export class Resumer<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly flow: Flow
  private readonly settler: Settler<TTransaction>
  private readonly releaser: Releaser<TTransaction>

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
  }

  /** @param last - The only child that it waited for, where it ended here: the storage need not be asked for it. */
  resume(record: ExecutionRecord, last?: ExecutionRecord): void {
    const held = this.runtime.held.hold(record, false)
    if (held !== null) void this.run(held, last)
  }

  private async run(held: HeldClaim, last: ExecutionRecord | undefined): Promise<void> {
    const { held: claims, events } = this.runtime
    try {
      await this.resumeHeld(held, last)
    } catch (error) {
      // Only a shutdown while the storage is away gets here: the lease lapses, and others take over.
      events.emit({ type: 'background_error', job: 'resume', message: messageOf(error) })
    } finally {
      claims.drop(held)
      // Not left to `recover`: a shutdown would not wait for that.
      if (held.isClaimedAnew) this.flow.resume(held.record)
    }
  }

  private async resumeHeld(held: HeldClaim, last: ExecutionRecord | undefined): Promise<void> {
    const { record } = held
    if (record.takeovers > this.runtime.options.maxTakeovers) {
      await this.settler.settle(held, transitions.fail(record, tooManyTakeovers(record)))
      return
    }
    const definition = this.runtime.registry.find(record.taskId)
    if (definition?.kind !== 'parent' && !isChain(definition)) {
      await this.releaser.releaseUnknown(held)
      return
    }
    const { change, insertions } = await this.decide(record, definition, last)
    await this.settler.settle(held, change, insertions)
  }

  private async decide(
    record: ExecutionRecord,
    definition: ParentDefinition | ChainDefinition,
    last: ExecutionRecord | undefined,
  ): Promise<Decision> {
    try {
      if (isChain(definition)) {
        const step = last ?? (await this.readLastStep(record, definition))
        return this.decideChain(record, definition, step)
      }
      if (record.status === 'waiting_for_finalize') {
        return this.decideFinalized(record, last ?? (await this.readFinalize(record)))
      }
      if (hasFinalize(definition)) {
        const insertions = planFinalize(this.runtime, record, definition)
        return { change: transitions.waitForFinalize(record, record.runOutput), insertions }
      }
      return this.completed(
        record,
        this.encodeOutput(record, await readFamily(this.runtime, record)),
      )
    } catch (error) {
      if (error instanceof DurableExecutionError && error.code === 'shut_down') throw error
      return this.failed(record, error)
    }
  }

  /** The finalize's end is the parent's. */
  private decideFinalized(record: ExecutionRecord, finalize: ExecutionRecord): Decision {
    return finalize.status === 'completed'
      ? this.completed(record, finalize.output)
      : this.failed(record, errorOf(finalize))
  }

  private async readFinalize(record: ExecutionRecord): Promise<ExecutionRecord> {
    const { finalize } = await readChildren(this.runtime, record.executionId, -1, 0)
    if (finalize) return finalize
    throw DurableExecutionError.nonRetryable(
      `Execution ${record.executionId} waited for a finalize that is not in the storage`,
      { code: 'storage', isInternal: true },
    )
  }

  private decideChain(
    record: ExecutionRecord,
    definition: ChainDefinition,
    last: ExecutionRecord,
  ): Decision {
    const index = last.parent?.indexInParent ?? 0
    if (last.status !== 'completed') {
      const noun = definition.kind === 'loop' ? 'Iteration' : 'Task at index'
      const error = errorOf(last)
      throw DurableExecutionError.nonRetryable(`${noun} ${index} failed: ${error.message}`, {
        code: error.code,
        cause: error,
      })
    }
    const next = afterStep(this.runtime, definition, { ...last, index })
    switch (next.kind) {
      case 'doneAsIs':
        return this.completed(record, last.output)
      case 'done':
        return this.completed(record, this.encodeOutput(record, next.output))
      case 'step': {
        const insertions = planNextStep(this.runtime, definition, record, next.step)
        return { change: transitions.waitForNextChild(record), insertions }
      }
    }
  }

  /** Steps are numbered without gaps: the last is found by halving, most often at the first look. */
  private async readLastStep(
    record: ExecutionRecord,
    definition: ChainDefinition,
  ): Promise<ExecutionRecord> {
    let least = 0
    let most =
      (definition.kind === 'loop' ? definition.maxIterations : definition.stepIds.length) - 1
    let probe = most
    let last: ExecutionRecord | undefined
    while (least <= most) {
      const { children } = await readChildren(this.runtime, record.executionId, probe - 1, 1)
      const [step] = children
      if (step) {
        last = step
        least = probe + 1
      } else {
        most = probe - 1
      }
      probe = Math.floor((least + most) / 2)
    }
    if (last) return last
    throw DurableExecutionError.nonRetryable(
      `Execution ${record.executionId} has no step in the storage`,
      { code: 'storage', isInternal: true },
    )
  }

  private completed(record: ExecutionRecord, output: string | null): Decision {
    const insertions = nextStepRows(this.runtime, record, output)
    return { change: transitions.complete(record, output), insertions }
  }

  private failed(record: ExecutionRecord, error: unknown): Decision {
    return { change: transitions.fail(record, toStoredError(error)), insertions: [] }
  }

  private encodeOutput(record: ExecutionRecord, value: unknown): string | null {
    return this.runtime.codec.encode(value, `Output of task ${record.taskId}`, {
      bytes: this.runtime.options.maxSerializedOutputDataSize,
      option: 'maxSerializedOutputDataSize',
    })
  }
}
