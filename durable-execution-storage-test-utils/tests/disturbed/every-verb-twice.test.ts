import { describeJourneys, everyVerbTwice, journeys } from '../../src/index'
import { disturbed } from './storage'

// That there is a backlog is known from the answers of claims: where every one of them is lost, lapsed work stands in line.
const withoutAnswersOfClaims = journeys.filter(({ name }) => !name.includes('behind a backlog'))
describeJourneys('every verb runs twice', disturbed(everyVerbTwice), {
  journeys: withoutAnswersOfClaims,
})
