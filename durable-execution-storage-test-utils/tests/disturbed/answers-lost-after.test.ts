import { describeJourneys, eachAnswerLostOnce } from '../../src/index'
import { disturbed } from './storage'

describeJourneys(
  'each answer is lost once, after the call was done',
  disturbed(() => eachAnswerLostOnce(true)),
)
