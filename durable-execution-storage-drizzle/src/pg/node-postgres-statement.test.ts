/** Prepared statements as the storage gives them to a client of pg, beside those of its user. */
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { SERVER_URL } from '../../tests/pg-databases'
import { PreparedStatement, takesStatements } from './node-postgres-statement'

type Answer = readonly (readonly unknown[])[]

function prepared(
  client: pg.Client,
  name: string,
  text: string,
  params: (string | null)[] = [],
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const statement = new PreparedStatement(name, { text, params }, (error, rows) => {
      if (error) reject(error)
      else resolve(rows as Answer)
    })
    // Users may give a client any object that can submit itself; the types of pg know of some.
    client.query(statement as unknown as pg.Submittable)
  })
}

describe.skipIf(SERVER_URL === null)('a prepared statement', () => {
  let client: pg.Client

  async function connect(options: pg.ClientConfig = {}): Promise<void> {
    client = new pg.Client({ connectionString: SERVER_URL ?? '', ...options })
    await client.connect()
  }

  beforeEach(() => connect())
  afterEach(() => client.end())

  const ECHO = 'SELECT $1::text, $2::integer'

  it('answers values as texts, by position, and NULL', async () => {
    await expect(prepared(client, 'echo', ECHO, ['\u00E9 \u{1F600} "\'\\', '7'])).resolves.toEqual([
      ['\u00E9 \u{1F600} "\'\\', '7'],
    ])
    await expect(prepared(client, 'echo', ECHO, [null, null])).resolves.toEqual([[null, null]])
  })

  it('answers no rows, and many', async () => {
    const series = 'SELECT n FROM generate_series(1, $1::integer) AS s (n)'
    await expect(prepared(client, 'series', series, ['0'])).resolves.toEqual([])
    await expect(prepared(client, 'series', series, ['5000'])).resolves.toHaveLength(5000)
  })

  it('is prepared once a connection', async () => {
    for (const value of ['1', '2', '3']) await prepared(client, 'echo', ECHO, ['a', value])
    const { rows } = await client.query(
      "SELECT generic_plans + custom_plans AS plans FROM pg_prepared_statements WHERE name = 'echo'",
    )
    expect(rows).toEqual([{ plans: '3' }])
  })

  it('rejects with the error of the server, and the next goes on', async () => {
    const divide = 'SELECT 1 / $1::integer'
    await expect(prepared(client, 'divide', divide, ['0'])).rejects.toMatchObject({ code: '22012' })
    await expect(prepared(client, 'divide', divide, ['1'])).resolves.toEqual([['1']])
    await expect(prepared(client, 'wrong', 'SELEC', [])).rejects.toMatchObject({ code: '42601' })
    await expect(prepared(client, 'wrong', 'SELECT 1', [])).resolves.toEqual([['1']])
  })

  it('rejects with what cannot be written, and the next goes on', async () => {
    const notATerm = Symbol('no text') as unknown as string
    await expect(prepared(client, 'echo', ECHO, [notATerm, '1'])).rejects.toThrow(TypeError)
    await expect(prepared(client, 'echo', ECHO, ['a', '1'])).resolves.toEqual([['a', '1']])
    await expect(prepared(client, 'echo', ECHO, ['b', '2'])).resolves.toEqual([['b', '2']])
  })

  it('stands in line with the statements of the user', async () => {
    const answers = await Promise.all([
      client.query('SELECT 1 AS one'),
      prepared(client, 'echo', ECHO, ['a', '2']),
      client.query('SELECT 3 AS three'),
    ])
    expect(answers.map((answer) => ('rows' in answer ? answer.rows : answer))).toEqual([
      [{ one: 1 }],
      [['a', '2']],
      [{ three: 3 }],
    ])
  })

  it('rejects when the connection is lost, and on one that was', async () => {
    client.on('error', () => undefined)
    const kill = prepared(client, 'kill', 'SELECT pg_terminate_backend(pg_backend_pid())')
    await expect(kill).rejects.toThrow(/terminat/)
    await expect.poll(() => Reflect.get(client, '_queryable') as boolean).toBe(false)
    await expect(prepared(client, 'echo', ECHO, ['a', '1'])).rejects.toThrow('not queryable')
  })

  it('rejects past the time limit that the user gave the client', async () => {
    await client.end()
    await connect({ query_timeout: 50 })
    const sleep = prepared(client, 'sleep', 'SELECT pg_sleep(1)::text')
    await expect(sleep).rejects.toThrow('Query read timeout')
  })

  it('calls the callback that instrumentation put in place of its own', async () => {
    const rows = await new Promise((resolve) => {
      const statement = new PreparedStatement('echo', { text: ECHO, params: ['a', '1'] }, () => {
        throw new Error('It was replaced')
      })
      statement.callback = (_error, answer) => {
        resolve(answer)
      }
      client.query(statement as unknown as pg.Submittable)
    })
    expect(rows).toEqual([['a', '1']])
  })

  it('answers the same where a wrapper gives pg a copy without its methods', async () => {
    const query = client.query.bind(client) as (statement: object) => unknown
    Reflect.set(client, 'query', (sent: object) => query({ ...sent }))
    await expect(prepared(client, 'echo', ECHO, ['\u00E9', '7'])).resolves.toEqual([
      ['\u00E9', '7'],
    ])
    const divide = 'SELECT 1 / $1::integer'
    await expect(prepared(client, 'divide', divide, ['0'])).rejects.toMatchObject({ code: '22012' })
  })

  it('is sent to clients that take it', () => {
    expect(takesStatements(client)).toBe(true)
  })
})

it.each([
  ['one that pipelines', Object.assign(new pg.Client(), { pipeline: true })],
  ['one of pg-native, without a connection', { query: () => undefined }],
  ['one with another connection', { connection: { parsedStatements: {} } }],
])('is not sent to %s', (_, client) => {
  expect(takesStatements(client)).toBe(false)
})
