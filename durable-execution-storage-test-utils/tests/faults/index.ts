/** Every way in which these tests break a storage. */
import { atOnceFaults } from './at-once'
import { claimFaults } from './claim'
import { endFaults } from './ends'
import type { Fault } from './fault'
import { insertFaults } from './insert'
import { settleFaults } from './settle'

export const faults: readonly Fault[] = [
  ...insertFaults,
  ...claimFaults,
  ...settleFaults,
  ...endFaults,
  ...atOnceFaults,
]
