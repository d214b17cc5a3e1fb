import { awayAfter, describeJourneys } from '../../src/index'
import { disturbed } from './storage'

describeJourneys(
  'the storage is away for a while',
  disturbed(() => awayAfter(12, 300)),
)
