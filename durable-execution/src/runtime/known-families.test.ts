import { describe, expect, it } from 'vitest'

import { createNewExecution, createRecord } from '../../tests/support/records'
import { settlementOf } from '../execution/settlement'
import { complete, waitForChildren } from '../execution/transitions'
import { KnownFamilies } from './known-families'

const MEGABYTE = 2 ** 20

/** The place of a child. */
function under(parentId: string, indexInParent: number) {
  const parent = { taskId: 'parent', executionId: parentId, indexInParent, isFinalize: false }
  return { taskId: 'child', executionId: `${parentId}_${indexInParent}`, parent }
}

/** A parent with so many children waits for them from now on. */
function begin(families: KnownFamilies, parentId: string, count: number): void {
  const record = createRecord({ taskId: 'parent', executionId: parentId })
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

/** A parent has ended. */
function finish(families: KnownFamilies, parentId: string): void {
  const record = createRecord({
    taskId: 'parent',
    executionId: parentId,
    status: 'waiting_for_children',
  })
  families.settled(record, settlementOf(record, complete(record, null)))
}

describe('known families', () => {
  it('are known when the last child has ended, in the order of their places', () => {
    const families = new KnownFamilies()
    begin(families, 'p', 3)
    end(families, 'p', 2, '"c"')
    end(families, 'p', 0, '"a"')
    expect(families.childrenOf('p')).toBeNull()
    // Stored again, since its answer was lost: it counts once.
    end(families, 'p', 0, '"a"')
    expect(families.childrenOf('p')).toBeNull()
    end(families, 'p', 1, '"b"')
    expect(families.childrenOf('p')?.map(({ output }) => output)).toEqual(['"a"', '"b"', '"c"'])
    expect(families.parentOf('p')).toEqual({
      taskId: 'parent',
      executionId: 'p',
      runOutput: '"own"',
    })
  })

  it('are forgotten when their parent has ended', () => {
    const families = new KnownFamilies()
    begin(families, 'p', 1)
    end(families, 'p', 0)
    finish(families, 'p')
    expect(families.childrenOf('p')).toBeNull()
    expect(families.parentOf('p')).toBeNull()
  })

  it('say nothing of parents that began elsewhere', () => {
    const families = new KnownFamilies()
    end(families, 'p', 0)
    expect(families.childrenOf('p')).toBeNull()
    expect(families.parentOf('p')).toBeNull()
  })

  it('count the children of a parent, not what comes with them', () => {
    const families = new KnownFamilies()
    const record = createRecord({ taskId: 'parent', executionId: 'p' })
    const chain = createNewExecution(under('p', 0))
    const step = createNewExecution(under(chain.executionId, 0))
    const change = waitForChildren(record, null)
    families.settled(record, settlementOf(record, change, [chain, step]))
    end(families, 'p', 0)
    expect(families.childrenOf('p')).toHaveLength(1)
  })

  it('are bounded: the oldest goes first, and one that is too large by itself', () => {
    const families = new KnownFamilies()
    const large = 'x'.repeat(6 * MEGABYTE)
    for (const parentId of ['first', 'second']) {
      begin(families, parentId, 1)
      end(families, parentId, 0, large)
    }
    expect(families.childrenOf('first')).toHaveLength(1)
    begin(families, 'third', 1)
    end(families, 'third', 0, large)
    expect(families.childrenOf('first')).toBeNull()
    expect(families.childrenOf('second')).toHaveLength(1)
    expect(families.childrenOf('third')).toHaveLength(1)
    begin(families, 'huge', 1)
    end(families, 'huge', 0, 'x'.repeat(20 * MEGABYTE))
    expect(families.childrenOf('huge')).toBeNull()
    // What was dropped is not counted any more.
    begin(families, 'last', 1)
    end(families, 'last', 0, large)
    expect(families.childrenOf('last')).toHaveLength(1)
  })
})
