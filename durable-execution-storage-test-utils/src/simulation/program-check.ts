/** What must come of a program, computed from the program itself and held against the rows it left. */
import { isFinished, type ExecutionRecord } from 'durable-execution'

import type { History } from './history'
import {
  childInput,
  type LoopNode,
  type ParentNode,
  type ProgramNode,
  type SequenceNode,
  type SleeperNode,
} from './program'
import { decode, EndCheck } from './program-ends'
import { outputOf } from './program-tasks'
import { digest } from './program-values'

/** Checks programs against the rows of a simulation that is over. */
export class ProgramCheck {
  private readonly ends: EndCheck
  private readonly families = new Map<string, ExecutionRecord[]>()

  constructor(rows: readonly ExecutionRecord[], history: History) {
    this.ends = new EndCheck(rows, history)
    for (const row of rows) {
      if (!row.parent) continue
      const family = this.families.get(row.parent.executionId)
      if (family) family.push(row)
      else this.families.set(row.parent.executionId, [row])
    }
  }

  /** Holds an execution against the node it is of, and the input it was given. */
  check(node: ProgramNode, row: ExecutionRecord, input: unknown): void {
    if (row.taskId !== node.id) this.ends.wrong('result', row, `is not of ${node.id}`)
    if (!isFinished(row.status)) return
    if (
      !row.parent?.isFinalize &&
      node.kind !== 'sleeper' &&
      digest(decode(row.input)) !== digest(input)
    ) {
      this.ends.wrong('result', row, 'has another input than it was given')
    }
    switch (node.kind) {
      case 'function':
        this.ends.checkFunction(node, row, input, (output) => output)
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

  private checkParent(node: ParentNode, row: ExecutionRecord, input: unknown): void {
    const { children, finalize } = this.familyOf(row)
    const isOutside = this.ends.endedFromOutside(row)
    if (!isOutside && !this.ends.checkWork(node, row)) {
      if (children.length > 0) {
        this.ends.wrong('G4', row, 'has children though its function did not return')
      }
      return
    }
    if (row.runOutput === null) return
    this.ends.checkRuns(row, input)
    if (children.length !== node.children.length) {
      this.ends.wrong(
        'G4',
        row,
        `has ${children.length} children, expected ${node.children.length}`,
      )
      return
    }
    node.children.forEach((child, index) => {
      const childRow = children[index]
      if (childRow) this.checkChild(node, child, childRow, index)
    })
    const family = { output: decode(row.runOutput), children: children.map(childValue) }
    if (digest(family.output) !== digest(outputOf(node.id, node.work, row.attempt, input))) {
      this.ends.wrong('result', row, `has the output ${row.runOutput} of its own function`)
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
      if (row.error?.code !== 'already_exists') {
        this.ends.wrong('result', row, 'should have found its key taken')
      }
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
      if (!isRight) this.ends.wrong('result', row, 'should have completed with its family')
      return
    }
    if (!finalize) {
      this.ends.wrong('G4', row, 'ended without its finalize')
      return
    }
    const isRight =
      finalize.status === 'completed'
        ? row.status === 'completed' && row.output === finalize.output
        : row.status === 'finalize_failed' && row.error?.message === finalize.error?.message
    if (!isRight) {
      this.ends.wrong(
        'result',
        row,
        `should have ended as its finalize, which is ${finalize.status}`,
      )
    }
  }

  private checkSequence(node: SequenceNode, row: ExecutionRecord, input: unknown): void {
    const { children } = this.familyOf(row)
    let stepInput = input
    for (const [index, step] of children.entries()) {
      const stepNode = node.steps[index]
      if (!stepNode) {
        this.ends.wrong(
          'G4',
          row,
          `has ${children.length} steps, expected at most ${node.steps.length}`,
        )
        return
      }
      this.check(stepNode, step, stepInput)
      stepInput = decode(step.output)
      if (step.status !== 'completed' && index < children.length - 1) {
        this.ends.wrong('G4', row, `went on after step ${index}, which is ${step.status}`)
      }
    }
    this.checkChainEnd(row, children, 'Task at index', (last) =>
      children.length === node.steps.length ? { output: decode(last.output) } : null,
    )
  }

  private checkLoop(node: LoopNode, row: ExecutionRecord, input: unknown): void {
    const { children } = this.familyOf(row)
    children.forEach((iteration, index) => {
      const isDone = index + 1 >= node.iteration.iterations
      if (isFinished(iteration.status)) {
        this.ends.checkFunction(node.iteration, iteration, input, (output) => ({ isDone, output }))
      }
    })
    this.checkChainEnd(row, children, 'Iteration', (last) => {
      const isDone = children.length >= node.iteration.iterations
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
    if (this.ends.endedFromOutside(row)) return
    const last = steps.at(-1)
    if (!last) {
      this.ends.wrong('G4', row, 'ended without a step')
      return
    }
    if (last.status !== 'completed') {
      const message = `${noun} ${steps.length - 1} failed: ${last.error?.message}`
      const isRight = row.status === 'finalize_failed' && row.error?.message === message
      if (!isRight) this.ends.wrong('result', row, `should have ended with: ${message}`)
      return
    }
    const end = endOf(last)
    if (!end) this.ends.wrong('G4', row, `ended after ${steps.length} steps`)
    else if (row.status !== 'completed' || digest(decode(row.output)) !== digest(end.output)) {
      this.ends.wrong('result', row, 'should have completed with the output of its last step')
    }
  }

  private checkSleeper(node: SleeperNode, row: ExecutionRecord): void {
    if (this.ends.endedFromOutside(row)) return
    const status = node.wake ?? 'timed_out'
    if (row.status !== status) this.ends.wrong('result', row, `should have ${status}`)
    if (status === 'completed' && decode(row.output) !== wakeOutput(node)) {
      this.ends.wrong('result', row, 'has not the output it was woken with')
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
