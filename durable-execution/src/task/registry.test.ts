import { describe, expect, it } from 'vitest'

import { thrownBy } from '../../tests/support/thrown'
import { DurableExecutionNotFoundError } from '../errors'
import { defineTask } from './define'
import { TaskRegistry } from './registry'

function definition(id: string): ReturnType<typeof defineTask> {
  return defineTask({ id, timeoutMs: 1000, run: () => id })
}

describe('TaskRegistry', () => {
  it('finds what was added', () => {
    const registry = new TaskRegistry()
    const [first, second] = [definition('a'), definition('b')]
    registry.add([first, second])
    expect(registry.get('a')).toBe(first)
    expect(registry.find('b')).toBe(second)
    expect(registry.definitionOf({ id: 'b' })).toBe(second)
  })

  it('refuses an id that is taken', () => {
    const registry = new TaskRegistry()
    registry.add([definition('a')])
    const error = thrownBy(() => {
      registry.add([definition('a')])
    })
    expect(error).toMatchObject({ code: 'invalid_task', isRetryable: false })
    expect(error).toHaveProperty('message', expect.stringMatching(/^Task a already exists/))
  })

  it('adds definitions that belong together all or not at all', () => {
    const registry = new TaskRegistry()
    registry.add([definition('taken')])
    expect(() => {
      registry.add([definition('parent'), definition('taken')])
    }).toThrow('Task taken already exists')
    expect(registry.find('parent')).toBeUndefined()
    expect(() => {
      registry.add([definition('twice'), definition('twice')])
    }).toThrow('Task twice already exists')
    expect(registry.find('twice')).toBeUndefined()
  })

  it('throws not-found for a task it does not know', () => {
    const registry = new TaskRegistry()
    expect(registry.find('a')).toBeUndefined()
    expect(thrownBy(() => registry.get('a'))).toBeInstanceOf(DurableExecutionNotFoundError)
    expect(() => registry.definitionOf({ id: 'a' })).toThrow('Task a not found')
  })

  it.each([undefined, null, 'add', {}, { id: 5 }])('refuses %j, which is no task', (task) => {
    const error = thrownBy(() => new TaskRegistry().definitionOf(task))
    expect(error).toMatchObject({ code: 'invalid_task', isRetryable: false })
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/^Invalid task: expected .+, got /),
    )
  })
})
