import { describe, expect, it } from 'vitest'

import { createDeferred } from './deferred'

describe('createDeferred', () => {
  it('is resolved from outside', async () => {
    const { promise, resolve } = createDeferred<number>()
    resolve(7)
    await expect(promise).resolves.toBe(7)
  })

  it('is rejected from outside', async () => {
    const { promise, reject } = createDeferred<number>()
    reject(new Error('no'))
    await expect(promise).rejects.toThrow('no')
  })

  it('is settled once', async () => {
    const { promise, resolve, reject } = createDeferred<number>()
    resolve(1)
    resolve(2)
    reject(new Error('no'))
    await expect(promise).resolves.toBe(1)
  })
})
