/**
 * A verb, written once for drivers that answer at once and for those that answer later: a generator that yields statements, gets
 * their rows back and returns the verb's answer. {@link runSync} and {@link runAsync} drive it.
 */
import type { SqlRow, SqlValue } from '../row'
import { isStorable } from '../text'

/** A statement that gives rows. */
export interface ReadStep {
  readonly kind: 'read'
  readonly text: string
  readonly params: readonly SqlValue[]
}

/** One statement executed once for each list of parameters. It gives no rows, or one for each list if they are counted. */
export interface WriteStep {
  readonly kind: 'write'
  /** Answer, for each list of parameters, a row with the number of rows that changed. */
  readonly isCounted: boolean
  /** The same for several lists at once: for drivers to which a statement costs more than a row. */
  readonly bulk?: BulkText | undefined
  readonly text: string
  readonly paramsOfEach: readonly (readonly SqlValue[])[]
}

/** A statement that takes several lists of parameters, one after the other, and answers the keys of the rows it changed. */
export interface BulkText {
  readonly text: string
  /** How many lists it takes. */
  readonly size: number
  /** Where in each list the key of its row is. */
  readonly keyAt: number
}

/** One thing a program asks of the database. */
export type Step = ReadStep | WriteStep

/** What a verb does: it yields steps and is resumed with their rows. */
export type Program<T> = Generator<Step, T, readonly SqlRow[]>

/**
 * A statement that gives rows. A text that no row can hold is looked for as NULL, which equals nothing: as it is, a driver might
 * bind it as another text, which a row has.
 */
export function read(text: string, params: readonly SqlValue[]): ReadStep {
  const areStorable = params.every((param) => typeof param !== 'string' || isStorable(param))
  return { kind: 'read', text, params: areStorable ? params : params.map(nullUnlessStorable) }
}

function nullUnlessStorable(param: SqlValue): SqlValue {
  return typeof param !== 'string' || isStorable(param) ? param : null
}

/** A statement that is executed once. */
export function write(text: string, params: readonly SqlValue[] = []): WriteStep {
  return { kind: 'write', isCounted: false, text, paramsOfEach: [params] }
}

/** A statement that is executed for each of the lists of parameters. */
export function writeEach(text: string, paramsOfEach: readonly (readonly SqlValue[])[]): WriteStep {
  return { kind: 'write', isCounted: false, text, paramsOfEach }
}

/** A statement that is executed for each of the lists of parameters, and says each time how many rows it changed. */
export function countEach(
  text: string,
  paramsOfEach: readonly (readonly SqlValue[])[],
  bulk?: BulkText,
): WriteStep {
  return { kind: 'write', isCounted: true, bulk, text, paramsOfEach }
}

/** Runs a program to its end before it returns. */
export function runSync<T>(program: Program<T>, execute: (step: Step) => readonly SqlRow[]): T {
  let state = program.next()
  while (state.done !== true) state = program.next(execute(state.value))
  return state.value
}

/** Runs a program whose steps are answered later. */
export async function runAsync<T>(
  program: Program<T>,
  execute: (step: Step) => Promise<readonly SqlRow[]>,
): Promise<T> {
  let state = program.next()
  while (state.done !== true) state = program.next(await execute(state.value))
  return state.value
}
