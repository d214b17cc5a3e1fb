import { describe, expect, it } from 'vitest'

import {
  CREATED_AT,
  createNewExecution,
  createRecord,
  createStoredError,
} from '../../tests/support/records'
import type { ExecutionRecord } from '../execution/record'
import { settlementOf } from '../execution/settlement'
import { complete, fail, waitForChildren, waitForFinalize } from '../execution/transitions'
import { KnownFamilies } from './known-families'

const MEGABYTE = 2 ** 20

/** The place of a child. */
function under(parentId: string, indexInParent: number) {
  const parent = { taskId: 'parent', executionId: parentId, indexInParent, isFinalize: false }
  return { taskId: 'child', executionId: `${parentId}_${indexInParent}`, parent }
}

/** A parent that runs, or waits. */
function parentOf(executionId: string, parts: Partial<ExecutionRecord> = {}): ExecutionRecord {
  return createRecord({ taskId: 'parent', executionId, ...parts })
}

/** A parent with so many children waits for them from now on. */
function begin(families: KnownFamilies, parentId: string, count: number): void {
  const record = parentOf(parentId)
  const children = Array.from({ length: count }, (_, index) =>
    createNewExecution(under(parentId, index)),
  )
  families.settled(record, settlementOf(record, waitForChildren(record, '"own"'), children))
}

/** A child has ended. */
function end(families: KnownFamilies, parentId: string, index: number, output = '1'): void {
  const record = createRecord(under(parentId, index))
  families.settled(record, settlementOf(record, complete(record, output)))
}

/** What is known of the children of a parent. */
function childrenOf(families: KnownFamilies, parentId: string) {
  return families.childrenOf(parentOf(parentId))
}

describe('known families', () => {
  it('are known when the last child has ended, in the order of their places', () => {
    const families = new KnownFamilies()
    begin(families, 'p', 3)
    end(families, 'p', 2, '"c"')
    end(families, 'p', 0, '"a"')
    expect(childrenOf(families, 'p')).toBeNull()
    // Stored again, since its answer was lost: it counts once.
    end(families, 'p', 0, '"a"')
    expect(childrenOf(families, 'p')).toBeNull()
    end(families, 'p', 1, '"b"')
    expect(childrenOf(families, 'p')?.map(({ output }) => output)).toEqual(['"a"', '"b"', '"c"'])
  })

  it('know their parent to its own finalize', () => {
    const families = new KnownFamilies()
    begin(families, 'p', 0)
    const place = { ...under('p', 0).parent, isFinalize: true }
    const finalize = createNewExecution({ executionId: 'end', parent: place })
    expect(families.parentOf(createRecord(finalize))).toBeNull()
    const record = parentOf('p', { status: 'waiting_for_children' })
    families.settled(record, settlementOf(record, waitForFinalize(record, '"own"'), [finalize]))
    expect(families.parentOf(createRecord(finalize))).toMatchObject({
      executionId: 'p',
      runOutput: '"own"',
    })
    const another = createRecord({ executionId: 'another', parent: place })
    expect(families.parentOf(another)).toBeNull()
  })

  it('are not those of another execution that was given the same id later', () => {
    const families = new KnownFamilies()
    begin(families, 'p', 1)
    end(families, 'p', 0)
    const later = parentOf('p', { createdAt: CREATED_AT + 1, status: 'waiting_for_children' })
    expect(families.childrenOf(later)).toBeNull()
    const place = { ...under('p', 0).parent, isFinalize: true }
    const finalize = createNewExecution({ executionId: 'end', parent: place })
    families.settled(later, settlementOf(later, waitForFinalize(later, null), [finalize]))
    expect(families.parentOf(createRecord(finalize))).toBeNull()
  })

  it('are forgotten when their parent has ended', () => {
    const families = new KnownFamilies()
    begin(families, 'p', 1)
    end(families, 'p', 0)
    const record = parentOf('p', { status: 'waiting_for_children' })
    families.settled(record, settlementOf(record, complete(record, null)))
    expect(childrenOf(families, 'p')).toBeNull()
  })

  it('say nothing of parents that began elsewhere', () => {
    const families = new KnownFamilies()
    end(families, 'p', 0)
    expect(childrenOf(families, 'p')).toBeNull()
  })

  it('count the children of a parent, not what comes with them', () => {
    const families = new KnownFamilies()
    const record = parentOf('p')
    const chain = createNewExecution(under('p', 0))
    const step = createNewExecution(under(chain.executionId, 0))
    const change = waitForChildren(record, null)
    families.settled(record, settlementOf(record, change, [chain, step]))
    end(families, 'p', 0)
    expect(childrenOf(families, 'p')).toHaveLength(1)
  })

  it('are bounded: the oldest goes first, and one that is too large by itself', () => {
    const families = new KnownFamilies()
    const large = 'x'.repeat(6 * MEGABYTE)
    for (const parentId of ['first', 'second']) {
      begin(families, parentId, 1)
      end(families, parentId, 0, large)
    }
    expect(childrenOf(families, 'first')).toHaveLength(1)
    begin(families, 'third', 1)
    end(families, 'third', 0, large)
    expect(childrenOf(families, 'first')).toBeNull()
    expect(childrenOf(families, 'second')).toHaveLength(1)
    expect(childrenOf(families, 'third')).toHaveLength(1)
    begin(families, 'huge', 1)
    const record = createRecord(under('huge', 0))
    const error = createStoredError({ message: 'x'.repeat(20 * MEGABYTE) })
    families.settled(record, settlementOf(record, fail(record, error)))
    expect(childrenOf(families, 'huge')).toBeNull()
    // What was dropped is not counted any more.
    begin(families, 'last', 1)
    end(families, 'last', 0, large)
    expect(childrenOf(families, 'last')).toHaveLength(1)
  })
})
