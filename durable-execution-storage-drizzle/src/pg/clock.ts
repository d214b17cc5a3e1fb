/** The storage's clock. */
import { number } from '../values'
import { read, type Program } from './program'
import type { Statements } from './statements'

/**
 * The time of a call that holds its locks: read before, it could be earlier than what others wrote while the call waited.
 *
 * @param time - What is known of it already; `null`: the server's clock is read.
 */
export function* readClock(statements: Statements, time: number | null): Program<number> {
  if (time !== null) return time
  const [row] = yield read(statements.clock, [null])
  return number(row?.[0])
}
