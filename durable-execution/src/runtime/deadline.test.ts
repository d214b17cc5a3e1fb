import { describe, expect, it } from 'vitest'

import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import { createDeferred } from '../lib/deferred'
import { Deadline } from './deadline'

const MS = 5000
const LATE = 'DurableExecutionError: Storage did not answer claim within 5000 ms'

/** A deadline, and calls that a test ends. */
function createCalls() {
  const environment = new VirtualEnvironment()
  const deadline = new Deadline(environment, MS)
  const begin = () => {
    const answer = createDeferred<string>()
    let signal = new AbortController().signal
    const outcome = { became: 'under way' }
    const call = deadline.run('claim', (given) => {
      signal = given
      return answer.promise
    })
    call.then(
      (value) => (outcome.became = value),
      (error: unknown) => (outcome.became = String(error)),
    )
    return { answer, outcome, signal }
  }
  return { environment, begin }
}

describe('Deadline', () => {
  it('gives a call up when its time is over, whether it heeds the signal or not', async () => {
    const { environment, begin } = createCalls()
    const { outcome, signal } = begin()
    await environment.advanceBy(MS - 1)
    expect(outcome.became).toBe('under way')
    expect(signal.aborted).toBe(false)
    await environment.advanceBy(1)
    expect(outcome.became).toBe(LATE)
    expect(signal.aborted).toBe(true)
  })

  it('leaves no timer behind when all calls have ended', async () => {
    const { environment, begin } = createCalls()
    const calls = [begin(), begin()]
    expect(environment.pendingTimersCount).toBe(1)
    for (const { answer } of calls) answer.resolve('answered')
    await environment.turn()
    expect(calls.map(({ outcome }) => outcome.became)).toEqual(['answered', 'answered'])
    expect(environment.pendingTimersCount).toBe(0)
  })

  it('counts the time of each call from when it began, and uses one signal for them', async () => {
    const { environment, begin } = createCalls()
    const signals = new Set<AbortSignal>()
    for (let count = 0; count < 3; count += 1) {
      const { answer, outcome, signal } = begin()
      signals.add(signal)
      await environment.advanceBy(MS - 1)
      answer.resolve('answered')
      await environment.turn()
      expect(outcome.became).toBe('answered')
    }
    expect(signals.size).toBe(1)
  })

  it('takes no more than a hundredth from a call that begins beside others', async () => {
    const { environment, begin } = createCalls()
    const first = begin()
    await environment.advanceBy(MS / 100)
    const beside = begin()
    await environment.advanceBy(1)
    const after = begin()
    expect(beside.signal).toBe(first.signal)
    expect(after.signal).not.toBe(first.signal)
    await environment.advanceBy(MS - MS / 100 - 1)
    expect(first.outcome.became).toBe(LATE)
    expect(beside.outcome.became).toBe(LATE)
    expect(after.outcome.became).toBe('under way')
    await environment.advanceBy(MS / 100 + 1)
    expect(after.outcome.became).toBe(LATE)
  })

  it('gives what comes after a call that was given up a signal of its own', async () => {
    const { environment, begin } = createCalls()
    begin()
    await environment.advanceBy(MS)
    const { answer, outcome, signal } = begin()
    expect(signal.aborted).toBe(false)
    answer.resolve('answered')
    await environment.turn()
    expect(outcome.became).toBe('answered')
  })

  it('does not keep a signal for good', async () => {
    const { environment, begin } = createCalls()
    const signals = new Set<AbortSignal>()
    for (let count = 0; count < 2500; count += 1) {
      const { answer, signal } = begin()
      signals.add(signal)
      answer.resolve('answered')
      await environment.turn()
    }
    expect(signals.size).toBe(3)
  })

  it('passes on how a call fails, and that it could not begin', async () => {
    const { environment, begin } = createCalls()
    const { answer, outcome } = begin()
    answer.reject(new Error('refused'))
    await environment.turn()
    expect(outcome.became).toBe('Error: refused')
    const failing = new Deadline(environment, MS).run('claim', () => {
      throw new Error('broken')
    })
    await expect(failing).rejects.toThrow('broken')
    expect(environment.pendingTimersCount).toBe(0)
  })
})
