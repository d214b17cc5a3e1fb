/** `getChildren` reads a parent's children page by page, the finalize apart. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { finalizeOf, newExecution } from '../factory'
import { present, same } from '../lib/same'
import { completed, inserted, named, underway, waitingForFinalize, waitingParent } from '../scenes'

/** Twelve children whose ids sort otherwise than their places: 10 sorts before 2 as a text. */
const MANY = ['m', 'l', 'k', 'j', 'i', 'h', 'g', 'f', 'e', 'd', 'c', 'b']

/** The cases of `getChildren`. */
export const getChildrenCases = casesOf('getChildren', [
  {
    name: 'answers children by their place under the parent',
    async run(context) {
      await waitingParent(context, 'p', named(...MANY))
      const answer = await context.storage.getChildren({ parentExecutionId: 'p', limit: 100 })
      same(
        answer.children.map(({ executionId }) => executionId),
        MANY,
        'ids of the children',
      )
      same(answer.finalize, null, 'finalize')
    },
  },
  {
    name: 'answers pages that follow each other without gap or overlap',
    async run(context) {
      await waitingParent(context, 'p', named(...MANY))
      const request = { parentExecutionId: 'p', limit: 5 }
      const pages = [
        await context.storage.getChildren(request),
        await context.storage.getChildren({ ...request, after: 4 }),
        await context.storage.getChildren({ ...request, after: 9 }),
        await context.storage.getChildren({ ...request, after: 11 }),
      ]
      same(
        pages.map(({ children }) => children.map(({ executionId }) => executionId)),
        [MANY.slice(0, 5), MANY.slice(5, 10), MANY.slice(10), []],
        'ids of the children on each page',
      )
    },
  },
  {
    name: 'sets the finalize apart, and answers it with every page',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      const { parents } = await completed(context, ['a', 'b'])
      const parent = present(parents[0], 'parent handed over')
      const change = transitions.waitForFinalize(parent, parent.runOutput)
      await context.settle([
        settlementOf(parent, change, [finalizeOf(parent, { executionId: 'f' })]),
      ])
      for (const after of [-1, 0, 1]) {
        const request = { parentExecutionId: 'p', limit: 1, after }
        const { children, finalize } = await context.storage.getChildren(request)
        same(finalize?.executionId, 'f', `finalize on the page after ${after}`)
        const expected = ['a', 'b'].slice(after + 1, after + 2)
        same(
          children.map(({ executionId }) => executionId),
          expected,
          `page after ${after}`,
        )
      }
    },
  },
  {
    name: 'answers the finalize of a parent without children',
    async run(context) {
      await waitingForFinalize(context, 'p', { executionId: 'f' })
      const answer = await context.storage.getChildren({ parentExecutionId: 'p', limit: 10 })
      same(answer.children, [], 'children')
      same(answer.finalize?.executionId, 'f', 'finalize')
    },
  },
  {
    name: 'answers neither grandchildren nor the children of others',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await waitingParent(context, 'q', named('c'))
      await underway(context, await context.row('a'), named('a1', 'a2'))
      const answer = await context.storage.getChildren({ parentExecutionId: 'p', limit: 10 })
      same(
        answer.children.map(({ executionId }) => executionId),
        ['a', 'b'],
        'ids of the children',
      )
    },
  },
  {
    name: 'answers none for an execution without children and for one that is not there',
    async run(context) {
      await inserted(context, newExecution({ executionId: 'a' }))
      for (const parentExecutionId of ['a', 'missing']) {
        const answer = await context.storage.getChildren({ parentExecutionId, limit: 10 })
        same([answer.children, answer.finalize], [[], null], `children of ${parentExecutionId}`)
      }
    },
  },
  {
    name: 'answers finished children with their outputs',
    async run(context) {
      await waitingParent(context, 'p', named('a', 'b'))
      await completed(context, ['b'])
      const { children } = await context.storage.getChildren({ parentExecutionId: 'p', limit: 10 })
      same(
        children.map(({ status, output }) => [status, output]),
        [
          ['running', null],
          ['completed', '"output"'],
        ],
        'status and output of the children',
      )
    },
  },
])
