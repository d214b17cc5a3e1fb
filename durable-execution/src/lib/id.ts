/** Ids that sort by the time they were made, from an injected clock and randomness. */
import { V7Generator } from 'uuidv7'

import type { Environment } from './environment'

/** Makes ids: `<prefix>_<UUID version 7, RFC 9562>`. */
export function createIdGenerator(environment: Environment): (prefix: string) => string {
  const generator = new V7Generator({
    nextUint32: () => Math.floor(environment.random() * 2 ** 32),
  })
  return (prefix) => {
    const now = Math.floor(environment.now())
    return `${prefix}_${generator.generateOrResetWithTs(now).toString()}`
  }
}
