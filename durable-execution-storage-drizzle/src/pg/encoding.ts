/** Values as PostgreSQL reads them: every parameter is a text, whose type the statement says. */
import type { SqlValue } from '../row'
import { assertStorable, isStorable, isWellFormed } from '../text'
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

/** An array in PostgreSQL's own form: each driver has another idea of how to bind one. */
function arrayLiteral(elements: readonly SqlValue[], form: TextForm): string {
  let literal = ''
  let last: SqlValue | undefined
  let lastText = ''
  for (const element of elements) {
    // Many columns hold the same in row after row.
    if (element !== last) {
      last = element
      lastText = elementText(element, form)
    }
    literal += literal === '' ? lastText : `,${lastText}`
  }
  return `{${literal}}`
}

function elementText(element: SqlValue, form: TextForm): string {
  if (element === null) return 'NULL'
  return typeof element === 'number' ? integer(element) : quoted(form(element))
}

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTER = /[\0-\x1f]/

/**
 * JSON quotes as arrays do, and is much faster than a replacement; but it writes control characters, and halves of surrogate pairs,
 * in a way of its own.
 */
function quoted(text: string): string {
  return CONTROL_CHARACTER.test(text) || !isWellFormed(text)
    ? `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
    : JSON.stringify(text)
}

/**
 * All numbers of rows are integers, and PostgreSQL takes no others for them; executors send moments with fractions. Rounded up a
 * moment divides whole milliseconds as it did, and a delay is not cut short.
 */
function integer(value: number): string {
  return String(Math.ceil(value))
}
