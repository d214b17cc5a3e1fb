/** Every case of the suite, in the order in which a storage is best made to pass them. */
import type { ConformanceCase } from '../case'
import { atOnceCases } from './at-once'
import { cancelCases } from './cancel'
import { cancelParentCases } from './cancel-parents'
import { claimCases } from './claim'
import { claimTakeoverCases } from './claim-takeovers'
import { claimWaitingCases } from './claim-waiting'
import { getCases } from './get'
import { getChildrenCases } from './get-children'
import { insertCases } from './insert'
import { insertAllOrNothingCases } from './insert-all-or-nothing'
import { insertConflictCases } from './insert-conflicts'
import { listenCases } from './listen'
import { lostClaimsCases } from './lost-claims'
import { nextClaimAtCases } from './next-claim-at'
import { parallelCases } from './parallel'
import { pruneCases } from './prune'
import { recoverCases } from './recover'
import { releaseCases } from './release'
import { renewCases } from './renew'
import { settleCases } from './settle'
import { settleGuardCases } from './settle-guards'
import { settleInsertionCases } from './settle-insertions'
import { settleParentCases } from './settle-parents'
import { settleSleeperCases } from './settle-sleepers'
import { clockCases, valueCases } from './values'
import { wakeCases } from './wake'
import { wakeParentCases } from './wake-parents'

/** All conformance cases. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...insertCases,
  ...insertConflictCases,
  ...insertAllOrNothingCases,
  ...getCases,
  ...getChildrenCases,
  ...claimCases,
  ...claimTakeoverCases,
  ...claimWaitingCases,
  ...settleCases,
  ...settleGuardCases,
  ...settleInsertionCases,
  ...settleSleeperCases,
  ...settleParentCases,
  ...renewCases,
  ...lostClaimsCases,
  ...recoverCases,
  ...releaseCases,
  ...wakeCases,
  ...wakeParentCases,
  ...cancelCases,
  ...cancelParentCases,
  ...nextClaimAtCases,
  ...pruneCases,
  ...listenCases,
  ...valueCases,
  ...clockCases,
  ...atOnceCases,
  ...parallelCases,
]
