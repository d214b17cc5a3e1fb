/**
 * A verb as a generator that yields statements, gets their rows back and returns the verb's answer. A session drives it, on a
 * connection of its own or inside a transaction of the user.
 */
import type { SqlRow, SqlValue } from '../row'
import type { Note } from './hints'

/** What a statement binds: a value, or a list of values, which becomes one array. */
export type PgValue = SqlValue | readonly SqlValue[]

/** One statement with its values. */
export interface Step {
  readonly text: string
  readonly params: readonly PgValue[]
  /** Whether it stores texts: those that would not come back as they were are refused. Else nothing is found by them. */
  readonly isStored: boolean
  /** How many rows it is about. @default as many as its longest list has values */
  readonly rows?: number
}

/** Something that others may wait for: no statement, it is told once the program's writes are committed. */
export interface NoteStep {
  readonly note: Note
}

/** What a verb does: it yields steps and is resumed with their rows. */
export type Program<T> = Generator<Step | NoteStep, T, readonly SqlRow[]>

/** Notes what others may wait for. */
export function note(what: Note): NoteStep {
  return { note: what }
}

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
  onNote: (note: Note) => void = () => undefined,
): Promise<T> {
  let state = program.next()
  while (state.done !== true) {
    const { value } = state
    if ('note' in value) {
      onNote(value.note)
      state = program.next([])
    } else {
      state = program.next(await execute(value))
    }
  }
  return state.value
}
