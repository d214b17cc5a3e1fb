/** How single executions of programs must end, wherever they stand. */
import { createSuperjsonSerializer, type ExecutionRecord } from 'durable-execution'

import type { Guarantee, History } from './history'
import type { FunctionNode, ParentNode } from './program'
import { behaviourOf, messageOf, outputOf } from './program-tasks'
import { digest } from './program-values'

const serializer = createSuperjsonSerializer()

/** How often an execution may lose its executor: the default of the executor's option. */
const MAX_TAKEOVERS = 3

/** Checks the ends of executions. */
export class EndCheck {
  private readonly byId: ReadonlyMap<string, ExecutionRecord>
  private readonly history: History

  constructor(rows: readonly ExecutionRecord[], history: History) {
    this.history = history
    this.byId = new Map(rows.map((row) => [row.executionId, row]))
  }

  /** Something must not be so. */
  wrong(
    guarantee: Guarantee,
    { taskId, executionId, status, error }: ExecutionRecord,
    what: string,
  ): void {
    const why = error ? `: ${error.message}` : ''
    this.history.violated(guarantee, `${taskId} ${executionId} (${status}${why}) ${what}`)
  }

  /** Ends that programs do not decide: a cancel, and executors that were lost too often. */
  endedFromOutside(row: ExecutionRecord): boolean {
    if (row.status === 'cancelled') {
      if (!this.isUnderCancel(row)) this.wrong('G5', row, 'was cancelled by nobody')
      return true
    }
    if (row.error?.code !== 'too_many_takeovers') return false
    // A parent has the error of its finalize, a chain that of its last step.
    if (row.status === 'finalize_failed' && row.takeovers <= MAX_TAKEOVERS) return false
    const { executionId } = row
    const count = this.history.takeovers.filter(
      (takeover) => takeover.executionId === executionId,
    ).length
    if (row.takeovers <= MAX_TAKEOVERS || count <= MAX_TAKEOVERS) {
      this.wrong('G7', row, `failed after ${count} takeovers`)
    }
    return true
  }

  private isUnderCancel(row: ExecutionRecord): boolean {
    for (let at: ExecutionRecord | undefined = row; at;) {
      if (this.history.cancelledIds.has(at.executionId)) return true
      at = at.parent ? this.byId.get(at.parent.executionId) : undefined
    }
    return false
  }

  /** Holds the end of a function against its node. */
  checkFunction(
    node: FunctionNode | ParentNode,
    row: ExecutionRecord,
    input: unknown,
    wrap: (output: string) => unknown,
  ): void {
    if (this.endedFromOutside(row)) return
    if (!this.checkWork(node, row)) return
    this.checkRuns(row, input)
    const expected = wrap(outputOf(node.id, node.work, row.attempt, input))
    if (row.status !== 'completed') this.wrong('result', row, 'should have completed')
    else if (JSON.stringify(decode(row.output)) !== JSON.stringify(expected)) {
      this.wrong(
        'result',
        row,
        `has the output ${row.output}, expected ${JSON.stringify(expected)}`,
      )
    }
  }

  /** Holds the attempts, and the error of a work that does not return, against its node. Answers whether it returns. */
  checkWork({ id, work }: FunctionNode | ParentNode, row: ExecutionRecord): boolean {
    if (work.kills > MAX_TAKEOVERS) {
      this.wrong('G7', row, 'should have failed: each of its runs kills its process')
      return false
    }
    let attempt = 0
    while (
      attempt < work.maxAttempts &&
      ['throws', 'overruns'].includes(behaviourOf(work, attempt))
    ) {
      attempt += 1
    }
    if (row.attempt !== attempt) {
      this.wrong(
        'G3',
        row,
        `ended in attempt ${row.attempt}, expected ${attempt}: an attempt was burned`,
      )
    }
    const behaviour = behaviourOf(work, attempt)
    if (behaviour === 'returns') return true
    const { status, message, code } = {
      throws: { status: 'failed', message: messageOf(id, attempt), code: 'generic' },
      fails: { status: 'failed', message: messageOf(id, attempt), code: 'generic' },
      overruns: {
        status: 'timed_out',
        message: `Task execution timed out after ${work.timeoutMs} ms`,
        code: 'timed_out',
      },
      refused: { status: 'failed', message: row.error?.message, code: 'result_not_stored' },
    }[behaviour]
    if (row.status !== status || row.error?.message !== message || row.error?.code !== code) {
      this.wrong('result', row, `should have ${status}: ${message ?? code}`)
    }
    return false
  }

  /** A function whose result was recorded ran, on the input it was to get. */
  checkRuns(row: ExecutionRecord, input: unknown): void {
    const runs = this.history.runs.filter(({ executionId }) => executionId === row.executionId)
    const expected = digest(input)
    if (!runs.some(({ attempt, end }) => attempt === row.attempt && end === 'returned')) {
      this.wrong('G2', row, 'has a result, but its function never returned')
    }
    const odd = runs.find((run) => run.input !== expected)
    if (odd) this.wrong('G4', row, `was run on ${odd.input}, expected ${expected}`)
  }
}

/** What a text stands for. */
export function decode(text: string | null): unknown {
  return text === null ? undefined : serializer.deserialize(text)
}
