/**
 * PostgreSQL plans a prepared statement for what the table is at that moment, and keeps that plan while the table grows, until it is
 * analyzed. For a table of a few rows that was analyzed it plans to read all of it, for each row that is named: after a burst
 * that takes seconds a call. So statements about many rows are others than those about few, though they say the same: the table has as
 * many rows when such a plan is made. Those in between are planned each time.
 */
import type { Step } from './program'

/** From so many rows on a statement is planned each time: reading a grown table so often takes longer. */
const PLANNED_EACH_TIME = 32
/** From so many rows on, which fill at least ten pages, PostgreSQL looks each up. */
const SURELY_LOOKED_UP = 256
const MARK = ' /* many */'

/** A statement as it is sent. */
export interface Sized {
  readonly text: string
  readonly isPrepared: boolean
}

/** The form of a statement for the number of rows that it is about. */
export function sized({ text, params, rows }: Step): Sized {
  const about = rows ?? longestOf(params)
  if (about >= SURELY_LOOKED_UP) return { text: text + MARK, isPrepared: true }
  return { text, isPrepared: about < PLANNED_EACH_TIME }
}

function longestOf(params: Step['params']): number {
  let longest = 0
  for (const param of params) {
    if (Array.isArray(param) && param.length > longest) longest = param.length
  }
  return longest
}
