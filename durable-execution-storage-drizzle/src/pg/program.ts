/**
 * A verb as a generator that yields statements, gets their rows back and returns the verb's answer. A session drives it, on a
 * connection of its own or inside a transaction of the user.
 */
import type { SqlRow, SqlValue } from '../row'

/** What a statement binds: a value, or a list of values, which becomes one array. */
export type PgValue = SqlValue | readonly SqlValue[]

/** One statement with its values. */
export interface Step {
  readonly text: string
  readonly params: readonly PgValue[]
  /** Whether it stores texts: those that would not come back as they were are refused. Else nothing is found by them. */
  readonly isStored: boolean
}

/** What a verb does: it yields steps and is resumed with their rows. */
export type Program<T> = Generator<Step, T, readonly SqlRow[]>

/** A statement that looks for its values. A text that no row can hold is looked for as NULL, which equals nothing. */
export function read(text: string, params: readonly PgValue[] = []): Step {
  return { text, params, isStored: false }
}

/** A statement that stores its values: texts that would not come back as they were are refused. */
export function write(text: string, params: readonly PgValue[] = []): Step {
  return { text, params, isStored: true }
}

/** Runs a program to its end. */
export async function runProgram<T>(
  program: Program<T>,
  execute: (step: Step) => Promise<readonly SqlRow[]>,
): Promise<T> {
  let state = program.next()
  while (state.done !== true) state = program.next(await execute(state.value))
  return state.value
}
