/** `get` reads rows by their ids. */
import { casesOf } from '../case'
import { newExecution } from '../factory'
import { same } from '../lib/same'
import { inserted, started } from '../scenes'

/** Ids that a database with another idea of equality takes for one. */
const NEAR_IDS = ['id', 'ID', 'Id', 'id ', ' id', 'ïd', 'ï\u0308d', 'id\t', 'i%', 'i_']

/** The cases of `get`. */
export const getCases = casesOf('get', [
  {
    name: 'answers rows in the order asked, null for those that are not there',
    async run(context) {
      await context.insert(['a', 'b', 'c'].map((executionId) => newExecution({ executionId })))
      const { records } = await context.storage.get({ executionIds: ['c', 'x', 'a', 'b'] })
      same(
        records.map((record) => record?.executionId ?? null),
        ['c', null, 'a', 'b'],
        'ids of the records',
      )
    },
  },
  {
    name: 'answers a row as often as it is asked for',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'a' }))
      const { records } = await context.storage.get({ executionIds: ['a', 'a'] })
      same(
        records.map((record) => record?.executionId),
        ['a', 'a'],
        'ids of the records',
      )
    },
  },
  {
    name: 'changes nothing',
    async run(context) {
      await started(context, 'a')
      context.advance(10)
      await context.expectNoChange(() => context.find('a'))
    },
  },
  {
    name: 'takes an empty batch',
    async run(context) {
      same((await context.storage.get({ executionIds: [] })).records, [], 'records')
    },
  },
  {
    name: 'reads a thousand rows at once',
    async run(context) {
      const executionIds = Array.from({ length: 1000 }, (_, index) => `e${index}`)
      await context.insert(executionIds.map((executionId) => newExecution({ executionId })))
      const { records } = await context.storage.get({ executionIds })
      same(
        records.map((record) => record?.executionId),
        executionIds,
        'ids of the records',
      )
    },
  },
  {
    name: 'tells ids apart that differ by case, accents or spaces only',
    async run(context) {
      const rows = NEAR_IDS.map((executionId, index) =>
        newExecution({ executionId, input: `${index}` }),
      )
      const outcomes = await context.insert(rows)
      same(new Set(outcomes.map(({ kind }) => kind)), new Set(['inserted']), 'outcomes')
      for (const [index, executionId] of NEAR_IDS.entries()) {
        await context.expectRow(executionId, { executionId, input: `${index}` })
      }
      same(await context.find('iD'), null, 'an id that is not there')
    },
  },
])
