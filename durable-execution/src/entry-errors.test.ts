import { describe, expect, it } from 'vitest'

import * as errors from './entry-errors'
import * as whole from './index'

describe('the entry of the errors', () => {
  it('has the very classes and functions of the main entry', () => {
    const entries = Object.entries(errors)
    expect(entries).not.toHaveLength(0)
    for (const [name, value] of entries) expect(Reflect.get(whole, name)).toBe(value)
  })
})
