import { delayed, describeJourneys } from '../../src/index'
import { disturbed } from './storage'

describeJourneys(
  'calls and answers overtake each other',
  disturbed(() => delayed(1, 6)),
)
