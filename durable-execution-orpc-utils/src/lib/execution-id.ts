/** Ids of executions, made on either side of the wire. They sort by the time they were made: an index on them grows at its end. */
import type { ClientEnvironment } from './environment'

const HEX = 16
const HEX_OF_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(HEX).padStart(2, '0'))
/** Hexadecimal digits of the 48 bits of time. */
const TIME_DIGITS = 12

/**
 * Makes an id: `te_<UUID version 7, RFC 9562>`. Its 74 random bits come from the machine's cryptographic source: nobody can guess
 * it. Not `crypto.randomUUID`: pages served without TLS don't have it.
 */
export function createExecutionId(environment: Pick<ClientEnvironment, 'now'>): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10))
  let random = ''
  for (const byte of bytes) random += HEX_OF_BYTES[byte]
  const time = Math.floor(environment.now()).toString(HEX).padStart(TIME_DIGITS, '0')
  // The two bits of the variant stand before the other bits of that digit.
  const variant = (8 + ((bytes[2] ?? 0) & 3)).toString(HEX)
  return `te_${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(6, 9)}-${random.slice(9, 20)}${random.slice(3, 4)}`
}
