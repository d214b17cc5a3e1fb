/**
 * A verb as a generator that yields statements, gets their rows back and returns the verb's answer. A session drives it, on a
 * connection of its own or inside a transaction of the user.
 */
import type { SqlRow, SqlValue } from '../row'
import { assertStorable, isStorable } from '../text'

/** What a statement binds: a value, or a list of values, which becomes one array. */
export type PgValue = SqlValue | readonly SqlValue[]

/** One statement with its values. */
export interface Step {
  readonly text: string
  /** As drivers take them: texts, in which PostgreSQL reads what the statement says they are. */
  readonly params: readonly (string | null)[]
}

/** What a verb does: it yields steps and is resumed with their rows. */
export type Program<T> = Generator<Step, T, readonly SqlRow[]>

/** A statement that looks for its values. A text that no row can hold is looked for as NULL, which equals nothing. */
export function read(text: string, params: readonly PgValue[] = []): Step {
  return { text, params: params.map((param) => encode(param, nullUnlessStorable)) }
}

/** A statement that stores its values: texts that would not come back as they were are refused. */
export function write(text: string, params: readonly PgValue[] = []): Step {
  return { text, params: params.map((param) => encode(param, refuseUnlessStorable)) }
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

function nullUnlessStorable(text: string): string | null {
  return isStorable(text) ? text : null
}

function refuseUnlessStorable(text: string): string {
  assertStorable(text)
  return text
}

type Check = (text: string) => string | null

/** Arrays are written here, in PostgreSQL's own form: each driver has another idea of how to bind one. */
function encode(param: PgValue, check: Check): string | null {
  if (param === null) return null
  if (typeof param === 'number') return String(param)
  if (typeof param === 'string') return check(param)
  return `{${param.map((element) => encodeElement(element, check)).join(',')}}`
}

function encodeElement(element: SqlValue, check: Check): string {
  if (typeof element === 'number') return String(element)
  const text = element === null ? null : check(element)
  return text === null ? 'NULL' : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}
