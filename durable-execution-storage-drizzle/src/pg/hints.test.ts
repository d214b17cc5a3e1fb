import { SOON_MS, type StorageListener } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { Hints, tell, type Note } from './hints'

function hintsOf(note: Note): Hints {
  const hints = new Hints()
  hints.note(note)
  return hints
}

/** What listeners are told by a payload. */
function toldBy(payload: string): unknown[] {
  const told: unknown[] = []
  const listener: StorageListener = {
    onDue: (queues, inMs) => told.push(['due', queues, inMs]),
    onFinished: (ids) => told.push(['finished', ids]),
    onCancelled: (ids) => told.push(['cancelled', ids]),
    onListening: () => undefined,
  }
  tell(payload, [listener])
  return told
}

function ids(count: number, length = 28): string[] {
  return Array.from({ length: count }, (_, index) => String(index).padStart(length, 'e'))
}

describe('hints', () => {
  it('come out as they went in', () => {
    const hints = hintsOf({
      due: [
        ['default', 0],
        ['mail', 300.5],
        ['mail', 200],
        ['late', SOON_MS + 1],
        [null, 5],
      ],
      finished: ['a'],
      cancelled: ['b', 'c'],
    })
    expect(toldBy(hints.encode())).toEqual([
      ['due', ['default'], 0],
      ['due', ['mail'], 200],
      ['due', null, 5],
      ['finished', ['a']],
      ['cancelled', ['b', 'c']],
    ])
  })

  it('are empty where nothing is to be told', () => {
    expect(hintsOf({ due: [['late', SOON_MS + 1]] }).isEmpty).toBe(true)
    expect(hintsOf({ due: [], finished: [], cancelled: [] }).isEmpty).toBe(true)
    const hints = hintsOf({ finished: ['a'] })
    hints.hideFinished('all')
    expect(hints.isEmpty).toBe(true)
  })

  it('name 200 executions, and say of more only that there are some', () => {
    expect(toldBy(hintsOf({ finished: ids(200) }).encode())).toEqual([['finished', ids(200)]])
    const hints = hintsOf({ finished: ids(150) })
    hints.add(hintsOf({ finished: ids(300).slice(150) }))
    expect(toldBy(hints.encode())).toEqual([['finished', null]])
  })

  it.each([
    ['long ids', { finished: ids(200, 200), cancelled: ids(200, 200) }],
    ['many queues', { due: ids(100, 255).map((queue, inMs) => [queue, inMs] as const) }],
  ])('fit a notification, with %s too', (_, note: Note) => {
    const payload = hintsOf(note).encode()
    expect(Buffer.byteLength(payload)).toBeLessThan(8000)
    const told = toldBy(payload)
    expect(told).toEqual(
      note.due
        ? [['due', null, 0]]
        : [
            ['finished', null],
            ['cancelled', null],
          ],
    )
  })

  it.each(['', 'x', '1', 'null', '[]', '{"d":1,"a":"x"}', '{"d":[1,["q"],[1,2]]}'])(
    'of others than us say nothing: %s',
    (payload) => {
      expect(toldBy(payload)).toEqual([])
    },
  )
})
