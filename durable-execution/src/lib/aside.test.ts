import { describe, expect, it, vi } from 'vitest'

import { callAside } from './aside'

describe('callAside', () => {
  const failure = new Error('no')

  it('tells what is thrown at once', () => {
    const onError = vi.fn()
    callAside(() => {
      throw failure
    }, onError)
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
  })

  it('tells what is thrown later', async () => {
    const onError = vi.fn()
    callAside(async () => {
      throw failure
    }, onError)
    await vi.waitFor(() => {
      expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
    })
  })

  it('has nothing to tell of what works', async () => {
    const onError = vi.fn()
    callAside(() => 1, onError)
    callAside(() => Promise.resolve(1), onError)
    await Promise.resolve()
    expect(onError).not.toHaveBeenCalled()
  })
})
