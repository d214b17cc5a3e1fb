import { newExecution } from 'durable-execution-storage-test-utils'
import { describe, expect, it } from 'vitest'

import { openMigrated, PG_DRIVERS } from '../../tests/pg-databases'
import { encodeParams } from './encoding'
import { read, write } from './program'

const asItIs = (text: string): string => text

describe('encodeParams', () => {
  it('writes arrays in the form of PostgreSQL', () => {
    const params = [['a', '"\\', null, ',{}', 'NULL', ''], [1, null, -2], []]
    expect(encodeParams(write('', params), asItIs)).toStrictEqual([
      String.raw`{"a","\"\\",null,",{}","NULL",""}`,
      '{1,null,-2}',
      '{}',
    ])
  })

  it('rounds numbers up to integers', () => {
    const params = [1_795_657_870_328.3997, 5, [0.5, -0.5, null]]
    expect(encodeParams(read('', params), asItIs)).toStrictEqual([
      '1795657870329',
      '5',
      '{1,0,null}',
    ])
  })

  it('looks for a text that no row can hold as NULL, and refuses to store it', () => {
    const params = ['a\0', ['b', 'c\ud800']]
    expect(encodeParams(read('', params), asItIs)).toStrictEqual([null, '{"b",null}'])
    expect(() => encodeParams(write('', params), asItIs)).toThrow('which the database cannot store')
  })
})

/** Every character that the form of an array, JSON or a driver may treat in a way of its own. */
const ODD_CHARACTERS = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).slice(1),
  ...['\u007f', '\u0080', '\u00a0', '\u2028', '\u2029', '\ufeff', '\uffff', '😀', '\u{10ffff}'],
  ...['"', "'", '\\', '{', '}', ',', ' ', '(', ')', '$', ':', '%', 'ä'],
]
const ODD_TEXTS = new Set([
  ...ODD_CHARACTERS,
  // Inside, doubled, before a quote, after a backslash, and at the end.
  ...ODD_CHARACTERS.flatMap((odd) => [`a${odd}b`, odd + odd, `${odd}"`, `\\${odd}`, `a"${odd}`]),
  ...[
    'NULL',
    'null',
    '',
    '{}',
    '{NULL}',
    '","',
    String.raw`\"`,
    String.raw`\n`,
    String.raw`\u0001`,
  ],
  ...[ODD_CHARACTERS.join(''), '[1:1]={a}', ' a ', '$1', "E'\\n'"],
])

describe.each(PG_DRIVERS)('texts in lists, on $name', (driver) => {
  it('come back as they were, and are found by what they are', async () => {
    const database = await openMigrated(driver)
    try {
      const rows = [...ODD_TEXTS].map((input) => ({ executionId: `id ${input}`, input }))
      const { outcomes } = await database.storage.insert({
        executions: rows.map((row) => newExecution(row)),
        executorId: 'executor',
        leaseMs: 10_000,
      })
      expect(outcomes.every(({ kind }) => kind === 'inserted')).toBe(true)
      const executionIds = rows.map(({ executionId }) => executionId)
      const { records } = await database.storage.get({ executionIds })
      expect(records.map((record) => record && [record.executionId, record.input])).toStrictEqual(
        rows.map(({ executionId, input }) => [executionId, input]),
      )
    } finally {
      await database.close()
    }
  })

  it('are found beside ones that no row can hold', async () => {
    const database = await openMigrated(driver)
    try {
      const executionIds = ['\n', 'NULL', '', 'a"']
      await database.storage.insert({
        executions: executionIds.map((executionId) => newExecution({ executionId })),
        executorId: 'executor',
        leaseMs: 10_000,
      })
      const asked = executionIds.flatMap((executionId) => [executionId, `${executionId}\udc00`])
      const { records } = await database.storage.get({ executionIds: [...asked, 'a\0'] })
      expect(records.map((record) => record?.executionId ?? null)).toStrictEqual([
        ...executionIds.flatMap((executionId) => [executionId, null]),
        null,
      ])
    } finally {
      await database.close()
    }
  })
})
