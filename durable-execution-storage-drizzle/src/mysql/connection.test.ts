import { describe, expect, it } from 'vitest'

import { OwnConnection } from './connection'
import type { DriverConnection, DriverQuery } from './driver'

/** A connection to a server that takes no more prepared statements. */
function fullServer(): { readonly driver: DriverConnection; readonly sent: DriverQuery[] } {
  const sent: DriverQuery[] = []
  const driver: DriverConnection = {
    execute: () => Promise.reject(Object.assign(new Error("Can't create more"), { errno: 1461 })),
    async query(query) {
      sent.push(query)
      return [[[1]], null]
    },
    release: () => undefined,
    destroy: () => undefined,
  }
  return { driver, sent }
}

describe('a connection to a server that takes no more prepared statements', () => {
  it('sends them as they are', async () => {
    const { driver, sent } = fullServer()
    const connection = new OwnConnection(driver, { isPrepared: true })
    connection.mayEscape = true
    expect(await connection.read('SELECT ?', ['a'])).toEqual([[1]])
    expect(sent).toMatchObject([{ sql: 'SELECT ?', values: ['a'] }])
  })

  it('writes no values into statements where a backslash is a character like others', async () => {
    const { driver, sent } = fullServer()
    const connection = new OwnConnection(driver, { isPrepared: true })
    expect(await connection.read('SELECT 1', [])).toEqual([[1]])
    await expect(connection.read('SELECT ?', ['a'])).rejects.toMatchObject({ errno: 1461 })
    expect(sent).toHaveLength(1)
  })
})
