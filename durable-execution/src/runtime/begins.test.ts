import { describe, expect, it } from 'vitest'

import { createRecord } from '../../tests/support/records'
import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import { Begins } from './begins'
import { HeldClaim } from './held-claims'

function createHeld(count: number): HeldClaim[] {
  return Array.from({ length: count }, (_, index) => {
    return new HeldClaim(createRecord({ executionId: `te_${index}` }), true, 0)
  })
}

/** A turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

describe('Begins', () => {
  it('begins a hundred in a turn, in the order in which they came', async () => {
    const begun: HeldClaim[] = []
    const begins = new Begins(new VirtualEnvironment(), (held) => begun.push(held))
    const held = createHeld(260)
    const [late] = createHeld(1)
    for (const each of held) begins.add(each)
    expect(begun).toEqual(held.slice(0, 100))
    await turn()
    expect(begun).toEqual(held.slice(0, 200))
    if (late) begins.add(late)
    await turn()
    expect(begun).toEqual([...held, late])
  })

  it('begins at once again in a later turn', async () => {
    const begun: HeldClaim[] = []
    const begins = new Begins(new VirtualEnvironment(), (held) => begun.push(held))
    for (const each of createHeld(100)) begins.add(each)
    await turn()
    for (const each of createHeld(100)) begins.add(each)
    expect(begun).toHaveLength(200)
  })

  it('has what waits told of a cancel, and its function not, until it begins', async () => {
    const whileBegun: boolean[] = []
    const begins = new Begins(new VirtualEnvironment(), ({ isRunning }) => {
      whileBegun.push(isRunning)
    })
    const held = createHeld(101)
    for (const each of held) begins.add(each)
    expect(held.at(-1)?.isRunning).toBe(true)
    await turn()
    expect(whileBegun).toEqual(held.map(() => false))
  })

  it('tells when what waits has begun', async () => {
    const begun: HeldClaim[] = []
    const begins = new Begins(new VirtualEnvironment(), (held) => begun.push(held))
    for (const each of createHeld(260)) begins.add(each)
    await begins.whenBegun()
    expect(begun).toHaveLength(260)
  })

  it('tells sooner, after the turn in which enough has begun', async () => {
    const begun: HeldClaim[] = []
    const begins = new Begins(new VirtualEnvironment(), (held) => begun.push(held))
    for (const each of createHeld(460)) begins.add(each)
    await begins.whenBegun(() => begun.length > 250)
    expect(begun).toHaveLength(300)
  })
})
