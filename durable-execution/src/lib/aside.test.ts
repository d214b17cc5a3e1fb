import { describe, expect, it, vi } from 'vitest'

import { callAside } from './aside'

describe('callAside', () => {
  const failure = new Error('no')

  it('tells what is thrown at once', () => {
    const onError = vi.fn()
    callAside(
      () => {
        throw failure
      },
      7,
      onError,
    )
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure, 7)
  })

  it('tells what is thrown later', async () => {
    const onError = vi.fn()
    callAside(
      async () => {
        throw failure
      },
      7,
      onError,
    )
    await vi.waitFor(() => {
      expect(onError).toHaveBeenCalledExactlyOnceWith(failure, 7)
    })
  })

  it('has nothing to tell of what works', async () => {
    const onError = vi.fn()
    callAside((value) => value + 1, 7, onError)
    callAside((value) => Promise.resolve(value), 7, onError)
    await Promise.resolve()
    expect(onError).not.toHaveBeenCalled()
  })
})
