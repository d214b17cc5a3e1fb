/** What must come of a program, computed from the program itself and held against the rows it left. */
import { createSuperjsonSerializer, isFinished, type ExecutionRecord } from 'durable-execution'

import type { Guarantee, History } from './history'
import {
  childInput,
  type FunctionNode,
  type LoopNode,
  type ParentNode,
  type ProgramNode,
  type SequenceNode,
  type SleeperNode,
} from './program'
import { behaviourOf, messageOf, outputOf } from './program-tasks'
import { digest } from './program-values'

const serializer = createSuperjsonSerializer()

/** How often an execution may lose its executor: the default of the executor's option. */
const MAX_TAKEOVERS = 3

/** Checks programs against the rows of a simulation that is over. */
export class ProgramCheck {
  private readonly byId: ReadonlyMap<string, ExecutionRecord>
  private readonly families = new Map<string, ExecutionRecord[]>()
  private readonly history: History

  constructor(rows: readonly ExecutionRecord[], history: History) {
    this.history = history
    this.byId = new Map(rows.map((row) => [row.executionId, row]))
    for (const row of rows) {
      if (!row.parent) continue
      const family = this.families.get(row.parent.executionId)
      if (family) family.push(row)
      else this.families.set(row.parent.executionId, [row])
    }
  }

  /** Holds an execution against the node it is of, and the input it was given. */
  check(node: ProgramNode, row: ExecutionRecord, input: unknown): void {
    if (row.taskId !== node.id) this.wrong('result', row, `is not of ${node.id}`)
    if (!isFinished(row.status)) return
    if (
      !row.parent?.isFinalize &&
      node.kind !== 'sleeper' &&
      digest(decode(row.input)) !== digest(input)
    ) {
      this.wrong('result', row, 'has another input than it was given')
    }
    switch (node.kind) {
      case 'function':
        this.checkFunction(node, row, input, (output) => output)
        return
      case 'parent':
        this.checkParent(node, row, input)
        return
      case 'sequence':
        this.checkSequence(node, row, input)
        return
      case 'loop':
        this.checkLoop(node, row, input)
        return
      case 'sleeper':
        this.checkSleeper(node, row)
    }
  }

  private wrong(
    guarantee: Guarantee,
    { taskId, executionId, status, error }: ExecutionRecord,
    what: string,
  ): void {
    const why = error ? `: ${error.message}` : ''
    this.history.violated(guarantee, `${taskId} ${executionId} (${status}${why}) ${what}`)
  }

  /** Ends that programs do not decide: a cancel, and executors that were lost too often. */
  private endedFromOutside(row: ExecutionRecord): boolean {
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

  /** Answers the output of the work, where it is the one that was to be; `null` where the execution ended otherwise. */
  private checkFunction(
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
  private checkWork({ id, work }: FunctionNode | ParentNode, row: ExecutionRecord): boolean {
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
  private checkRuns(row: ExecutionRecord, input: unknown): void {
    const runs = this.history.runs.filter(({ executionId }) => executionId === row.executionId)
    const expected = digest(input)
    if (!runs.some(({ attempt, end }) => attempt === row.attempt && end === 'returned')) {
      this.wrong('G2', row, 'has a result, but its function never returned')
    }
    const odd = runs.find((run) => run.input !== expected)
    if (odd) this.wrong('G4', row, `was run on ${odd.input}, expected ${expected}`)
  }

  private checkParent(node: ParentNode, row: ExecutionRecord, input: unknown): void {
    const { children, finalize } = this.familyOf(row)
    const isOutside = this.endedFromOutside(row)
    if (!isOutside && !this.checkWork(node, row)) {
      if (children.length > 0)
        this.wrong('G4', row, 'has children though its function did not return')
      return
    }
    if (row.runOutput === null) return
    this.checkRuns(row, input)
    if (children.length !== node.children.length) {
      this.wrong('G4', row, `has ${children.length} children, expected ${node.children.length}`)
      return
    }
    node.children.forEach((child, index) => {
      const childRow = children[index]
      if (childRow) this.checkChild(node, child, childRow, index)
    })
    const family = { output: decode(row.runOutput), children: children.map(childValue) }
    if (digest(family.output) !== digest(outputOf(node.id, node.work, row.attempt, input))) {
      this.wrong('result', row, `has the output ${row.runOutput} of its own function`)
    }
    if (finalize && node.finalize) this.check(node.finalize, finalize, family)
    if (!isOutside) this.checkParentEnd(node, row, finalize, family)
  }

  private checkChild(
    parent: ParentNode,
    node: ProgramNode,
    row: ExecutionRecord,
    index: number,
  ): void {
    const isTwin = parent.children.findIndex(({ id }) => id === node.id) < index
    if (node.kind === 'sleeper' && isTwin) {
      if (row.error?.code !== 'already_exists')
        this.wrong('result', row, 'should have found its key taken')
      return
    }
    this.check(node, row, childInput(parent, index))
  }

  private checkParentEnd(
    node: ParentNode,
    row: ExecutionRecord,
    finalize: ExecutionRecord | undefined,
    family: unknown,
  ): void {
    if (!node.finalize) {
      const isRight = row.status === 'completed' && digest(decode(row.output)) === digest(family)
      if (!isRight) this.wrong('result', row, 'should have completed with its family')
      return
    }
    if (!finalize) {
      this.wrong('G4', row, 'ended without its finalize')
      return
    }
    const isRight =
      finalize.status === 'completed'
        ? row.status === 'completed' && row.output === finalize.output
        : row.status === 'finalize_failed' && row.error?.message === finalize.error?.message
    if (!isRight)
      this.wrong('result', row, `should have ended as its finalize, which is ${finalize.status}`)
  }

  private checkSequence(node: SequenceNode, row: ExecutionRecord, input: unknown): void {
    const { children } = this.familyOf(row)
    let stepInput = input
    for (const [index, step] of children.entries()) {
      const stepNode = node.steps[index]
      if (!stepNode) {
        this.wrong('G4', row, `has ${children.length} steps, expected at most ${node.steps.length}`)
        return
      }
      this.check(stepNode, step, stepInput)
      stepInput = decode(step.output)
      if (step.status !== 'completed' && index < children.length - 1) {
        this.wrong('G4', row, `went on after step ${index}, which is ${step.status}`)
      }
    }
    this.checkChainEnd(row, children, 'Task at index', (last) =>
      children.length === node.steps.length ? { output: decode(last.output) } : null,
    )
  }

  private checkLoop(node: LoopNode, row: ExecutionRecord, input: unknown): void {
    const { children } = this.familyOf(row)
    children.forEach((iteration, index) => {
      const isDone = index + 1 >= node.iterations
      if (isFinished(iteration.status)) {
        this.checkFunction(node.iteration, iteration, input, (output) => ({ isDone, output }))
      }
    })
    this.checkChainEnd(row, children, 'Iteration', (last) => {
      const isDone = children.length >= node.iterations
      const { output } = (decode(last.output) ?? {}) as { output?: unknown }
      if (isDone) return { output: { isSuccess: true, output } }
      return children.length >= node.maxIterations ? { output: { isSuccess: false } } : null
    })
  }

  /** A chain ends with its last step: `endOf` answers its output, `null` if more steps should have followed. */
  private checkChainEnd(
    row: ExecutionRecord,
    steps: readonly ExecutionRecord[],
    noun: string,
    endOf: (last: ExecutionRecord) => { output: unknown } | null,
  ): void {
    if (this.endedFromOutside(row)) return
    const last = steps.at(-1)
    if (!last) {
      this.wrong('G4', row, 'ended without a step')
      return
    }
    if (last.status !== 'completed') {
      const message = `${noun} ${steps.length - 1} failed: ${last.error?.message}`
      const isRight = row.status === 'finalize_failed' && row.error?.message === message
      if (!isRight) this.wrong('result', row, `should have ended with: ${message}`)
      return
    }
    const end = endOf(last)
    if (!end) this.wrong('G4', row, `ended after ${steps.length} steps`)
    else if (row.status !== 'completed' || digest(decode(row.output)) !== digest(end.output)) {
      this.wrong('result', row, 'should have completed with the output of its last step')
    }
  }

  private checkSleeper(node: SleeperNode, row: ExecutionRecord): void {
    if (this.endedFromOutside(row)) return
    const status = node.wake ?? 'timed_out'
    if (row.status !== status) this.wrong('result', row, `should have ${status}`)
    if (status === 'completed' && decode(row.output) !== wakeOutput(node)) {
      this.wrong('result', row, 'has not the output it was woken with')
    }
  }

  private familyOf({ executionId }: ExecutionRecord): {
    children: ExecutionRecord[]
    finalize: ExecutionRecord | undefined
  } {
    const family = this.families.get(executionId) ?? []
    const children = family
      .filter(({ parent }) => parent?.isFinalize === false)
      .sort((a, b) => (a.parent?.indexInParent ?? 0) - (b.parent?.indexInParent ?? 0))
    return { children, finalize: family.find(({ parent }) => parent?.isFinalize) }
  }
}

/** What a sleeper is woken with. */
export function wakeOutput({ id }: SleeperNode): string {
  return `${id} woke`
}

function childValue({ taskId, status, output }: ExecutionRecord): unknown {
  return status === 'completed' ? { taskId, status, output: decode(output) } : { taskId, status }
}

function decode(text: string | null): unknown {
  return text === null ? undefined : serializer.deserialize(text)
}
