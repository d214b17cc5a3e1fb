/** Ids that sort by the time they were made, from an injected clock and randomness. */
import { V7Generator } from 'uuidv7'

import type { Environment } from './environment'

const DIGITS = Buffer.from('0123456789abcdef', 'latin1')
const DASH = 0x2d
const LENGTH = 36

/** Makes ids: `<prefix>_<UUID version 7, RFC 9562>`. */
export function createIdGenerator(environment: Environment): (prefix: string) => string {
  const generator = new V7Generator({
    nextUint32: () => Math.floor(environment.random() * 2 ** 32),
  })
  const text = Buffer.alloc(LENGTH)
  return (prefix) => {
    const now = Math.floor(environment.now())
    return `${prefix}_${format(generator.generateOrResetWithTs(now).bytes, text)}`
  }
}

/** Tells the starts of what goes by one name apart: the time, and 32 random bits. Shorter than an id, since rows repeat it. */
export function createIncarnation(environment: Pick<Environment, 'now' | 'random'>): string {
  const time = Math.floor(environment.now())
  const random = Math.floor(environment.random() * 2 ** 32)
  return time.toString(36) + random.toString(36).padStart(7, '0')
}

/** The UUID's own `toString` puts 36 texts together, each an object of its own: 1.3 kB an id. Here there is one. */
function format(bytes: Readonly<Uint8Array>, text: Buffer): string {
  let at = 0
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0
    text[at] = DIGITS[byte >>> 4] ?? 0
    text[at + 1] = DIGITS[byte & 15] ?? 0
    at += 2
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      text[at] = DASH
      at += 1
    }
  }
  return text.toString('latin1')
}
