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
  const bytes = randomBytes()
  let random = ''
  for (const byte of bytes) random += HEX_OF_BYTES[byte]
  const time = Math.floor(environment.now()).toString(HEX).padStart(TIME_DIGITS, '0')
  // The two bits of the variant stand before the other bits of that digit.
  const variant = (8 + ((bytes[2] ?? 0) & 3)).toString(HEX)
  return `te_${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(6, 9)}-${random.slice(9, 20)}${random.slice(3, 4)}`
}

/** Random bytes for so many ids are taken at once: the machine's source costs more to ask than to read. */
const IDS_AT_ONCE = 64
const BYTES_OF_ID = 10
const pool = new Uint8Array(IDS_AT_ONCE * BYTES_OF_ID)
let used = pool.length

/** Each byte is given out once. */
function randomBytes(): Uint8Array {
  if (used === pool.length) {
    crypto.getRandomValues(pool)
    used = 0
  }
  used += BYTES_OF_ID
  return pool.subarray(used - BYTES_OF_ID, used)
}
