/** The floor on PostgreSQL. */
import pg from 'pg'

import { drainInTurn, drainOverlapped } from './draining'
import type { Floor } from './floor'
import { BATCH, batchesOf, inputOf, outputOf, type Input } from './queue'

const INSERT = `INSERT INTO floor (id, status, due_at, input) SELECT u.id, 0, 0, u.input FROM unnest($1::bigint[], $2::text[]) AS u (id, input)`
const CLAIM = `UPDATE floor SET status = 1 WHERE id = ANY (ARRAY(SELECT id FROM floor WHERE status = 0 AND due_at <= $1 ORDER BY due_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)) RETURNING id, input`
const COMPLETE = `UPDATE floor AS f SET status = 2, output = u.output FROM unnest($1::bigint[], $2::text[]) AS u (id, output) WHERE f.id = u.id AND f.status = 1`
const ONE = `INSERT INTO floor (id, status, due_at, input) VALUES ($1, 2, 0, $2)`

/** Opens the floor. */
export async function openFloorPostgres(url: string): Promise<Floor> {
  const [first, second] = [await connect(url), await connect(url)]
  await first.query('DROP TABLE IF EXISTS floor')
  await first.query(
    'CREATE TABLE floor (id bigint PRIMARY KEY, status smallint NOT NULL, due_at bigint NOT NULL, input text NOT NULL, output text)',
  )
  await first.query('CREATE INDEX floor_due ON floor (due_at) WHERE status = 0')
  let nextId = 0
  return {
    settings:
      'table (id bigint primary key, status smallint, due_at bigint, input text, output text), index (due_at) where status = 0; 1000 rows a statement through unnest, prepared; claim by = ANY(ARRAY(SELECT … FOR UPDATE SKIP LOCKED)); in turn on one connection, overlapped on two',
    async insert(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) {
        const ids = batch.map(() => (nextId += 1))
        const texts = batch.map((input) => JSON.stringify(input))
        await first.query({ name: 'insert', text: INSERT, values: [ids, texts] })
      }
    },
    drain: () =>
      drainInTurn(
        () => claim(first),
        (rows) => complete(first, rows),
      ),
    drainOverlapped: () =>
      drainOverlapped(
        () => claim(first),
        (rows) => complete(second, rows),
      ),
    async commitOne() {
      nextId += 1
      await first.query({
        name: 'one',
        text: ONE,
        values: [nextId, JSON.stringify(inputOf(nextId))],
      })
    },
    async close() {
      await first.query('DROP TABLE floor')
      await Promise.all([first.end(), second.end()])
    },
  }
}

/** No join but by the index: the table is small when the statement is planned, and large later. */
async function connect(url: string): Promise<pg.Client> {
  const options = '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off'
  const client = new pg.Client({ connectionString: url, options })
  await client.connect()
  return client
}

interface Row {
  readonly id: string
  readonly input: string
}

async function claim(client: pg.Client): Promise<Row[]> {
  const { rows } = await client.query<Row>({ name: 'claim', text: CLAIM, values: [1] })
  return rows
}

async function complete(client: pg.Client, rows: readonly Row[]): Promise<void> {
  const ids = rows.map(({ id }) => id)
  const outputs = rows.map(({ input }) => JSON.stringify(outputOf(JSON.parse(input) as Input)))
  await client.query({ name: 'complete', text: COMPLETE, values: [ids, outputs] })
}
