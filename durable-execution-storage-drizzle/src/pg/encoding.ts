/** Values as PostgreSQL reads them: every parameter is a text, whose type the statement says. */
import type { SqlValue } from '../row'
import { assertStorable, isStorable } from '../text'
import type { PgValue, Step } from './program'

/** How a driver has to be given a text, so that it comes back as it is. */
export type TextForm = (text: string) => string

/** Values as all drivers take them. */
export function encodeParams({ params, isStored }: Step, form: TextForm): (string | null)[] {
  return params.map((param) => encode(param, isStored, form))
}

function encode(param: PgValue, isStored: boolean, form: TextForm): string | null {
  if (param === null) return null
  if (typeof param === 'number') return integer(param)
  if (typeof param === 'string') return encodeText(param, isStored, form)
  const literal = arrayLiteral(param, form)
  // Looked at as a whole: a thousand short texts one by one take many times as long.
  if (isStorable(literal)) return literal
  const elements = param.map((element) =>
    typeof element === 'string' ? encodeText(element, isStored, (text) => text) : element,
  )
  return arrayLiteral(elements, form)
}

function encodeText(text: string, isStored: boolean, form: TextForm): string | null {
  if (isStored) assertStorable(text)
  return isStored || isStorable(text) ? form(text) : null
}

/**
 * An array in PostgreSQL's own form: each driver has another idea of how to bind one. JSON quotes as arrays do, and takes half the
 * time for all elements at once.
 */
function arrayLiteral(elements: readonly SqlValue[], form: TextForm): string {
  const formed = elements.map((element) =>
    typeof element === 'string' ? form(element) : wholeOrNull(element),
  )
  const json = JSON.stringify(formed)
  return ESCAPED.test(json) ? `{${formed.map(quoted).join(',')}}` : `{${json.slice(1, -1)}}`
}

function wholeOrNull(element: number | null): SqlValue {
  if (element === null) return null
  // As a text, which PostgreSQL refuses: JSON would make a NULL of what is no number.
  return Number.isFinite(element) ? Math.ceil(element) : String(element)
}

/** What JSON writes in a way of its own: control characters, and halves of surrogate pairs. */
const ESCAPED = /(?<!\\)(?:\\\\)*\\[bfnrtu]/

function quoted(element: SqlValue): string {
  return typeof element === 'string'
    ? `"${element.replaceAll(/["\\]/g, String.raw`\$&`)}"`
    : String(element)
}

/**
 * All numbers of rows are integers, and PostgreSQL takes no others for them; executors send moments with fractions. Rounded up a
 * moment divides whole milliseconds as it did, and a delay is not cut short.
 */
function integer(value: number): string {
  return String(Math.ceil(value))
}
