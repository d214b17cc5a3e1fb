import { describeJourneys, eachAnswerLostOnce } from '../../src/index'
import { disturbed } from './storage'

describeJourneys(
  'each answer is lost once, before the call got there',
  disturbed(() => eachAnswerLostOnce(false)),
)
