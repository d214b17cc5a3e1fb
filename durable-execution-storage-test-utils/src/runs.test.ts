import { describe, expect, it } from 'vitest'

import { createTaskExecutionRecord } from './factory'
import { findRunViolations, type NotedRun } from './runs'

const completed = createTaskExecutionRecord({ executionId: 'e', status: 'completed' })

function run(startedAt: number, parts: Partial<NotedRun> = {}): NotedRun {
  return { executionId: 'e', startedAt, endedAt: startedAt + 1, hasReturned: true, ...parts }
}

describe('findRunViolations', () => {
  it('finds nothing wrong with an execution that failed, ran again, and completed', () => {
    const records = [{ ...completed, claimCount: 2 }]
    const runs = [run(5), run(1, { hasReturned: false })]
    expect(findRunViolations({ records, enqueuedIds: ['e'], runs })).toEqual([])
  })

  it.each([
    ['x was enqueued, and is not there', ['x'], [run(1)]],
    ['e ran twice at once', ['e'], [run(1, { endedAt: 3 }), run(2, { hasReturned: false })]],
    ['e ran twice at once', ['e'], [run(1, { endedAt: null }), run(2)]],
    ['e returned 2 times', ['e'], [run(1), run(2)]],
    ['e is completed, and never returned', ['e'], [run(1, { hasReturned: false })]],
    ['e ran 2 times, and was claimed 1 times', ['e'], [run(1), run(2)]],
    ['f ran, and is not there', ['e'], [run(1), run(1, { executionId: 'f' })]],
  ] as const)('finds that %s', (violation, enqueuedIds, runs) => {
    const found = findRunViolations({ records: [completed], enqueuedIds, runs })
    expect(found.join('\n')).toContain(violation)
  })
})
