/** Every way in which these tests break a storage. */
import { atOnceFaults } from './at-once'
import { claimFaults } from './claim'
import { endFaults } from './ends'
import type { Fault } from './fault'
import { hintFaults } from './hints'
import { insertFaults } from './insert'
import { settleFaults } from './settle'

/** Faults of the verbs, which random sequences of calls find too. */
export const verbFaults: readonly Fault[] = [
  ...insertFaults,
  ...claimFaults,
  ...settleFaults,
  ...endFaults,
  ...atOnceFaults,
]

export const faults: readonly Fault[] = [...verbFaults, ...hintFaults]
