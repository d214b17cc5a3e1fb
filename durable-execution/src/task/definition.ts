/** Tasks as the executor holds them: options checked, user functions erased to `unknown`. */
import type { AnyChildren } from './children'
import type { TaskRunContext } from './context'
import type { ResolvedTaskOptions } from './options'

/** Turns a raw stored input into what the function gets, or throws. */
export type ValidateInput = (input: unknown) => unknown

interface DefinitionBase extends ResolvedTaskOptions {
  readonly id: string
  /** `null`: the input is taken as it is. */
  readonly validateInput: ValidateInput | null
}

/** A function. */
export interface FunctionDefinition extends DefinitionBase {
  readonly kind: 'function'
  readonly run: (context: TaskRunContext, input: unknown) => unknown
}

/** A function whose result names children. */
export interface ParentDefinition extends DefinitionBase {
  readonly kind: 'parent'
  readonly runParent: (context: TaskRunContext, input: unknown) => unknown
  /** The id of the finalize task. */
  readonly finalizeId: string | null
}

/** Tasks one after another, each output the next input. */
export interface SequenceDefinition extends DefinitionBase {
  readonly kind: 'sequence'
  readonly stepIds: readonly string[]
}

/** One task again and again, until it says it is done. */
export interface LoopDefinition extends DefinitionBase {
  readonly kind: 'loop'
  readonly iterationId: string
  readonly maxIterations: number
  /** Delay before iteration `index` (1, 2, …), in milliseconds. */
  readonly sleepMsBefore: (index: number) => number
}

/** Waits to be woken from outside. */
export interface SleepingDefinition extends DefinitionBase {
  readonly kind: 'sleeping'
}

/** A task whose children run one after another. */
export type ChainDefinition = SequenceDefinition | LoopDefinition

/** What a parent's function returned, after its shape was checked. */
export interface ParentRunShape {
  readonly output: unknown
  readonly children: AnyChildren
}

/** A task. */
export type TaskDefinition =
  FunctionDefinition | ParentDefinition | ChainDefinition | SleepingDefinition

/** Whether the children of this task run one after another. */
export function isChain(definition: TaskDefinition | undefined): definition is ChainDefinition {
  return definition?.kind === 'sequence' || definition?.kind === 'loop'
}
