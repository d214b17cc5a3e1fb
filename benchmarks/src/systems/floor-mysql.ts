/** The floor on MySQL and MariaDB. */
import mysql from 'mysql2/promise'

import { drainInTurn, drainOverlapped } from './draining'
import type { Floor } from './floor'
import { BATCH, batchesOf, inputOf, outputOf, type Input } from './queue'

interface Row extends mysql.RowDataPacket {
  readonly id: number
  readonly input: string
}

const CLAIM = `SELECT id, input FROM floor WHERE status = 0 AND due_at <= 1 ORDER BY due_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`
const COMPLETE = `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', output VARCHAR(1000) PATH '$[1]')) AS u STRAIGHT_JOIN floor AS f ON f.id = u.id SET f.status = 2, f.output = u.output WHERE f.status = 1`

/** Opens the floor. */
export async function openFloorMysql(uri: string): Promise<Floor> {
  const connections = [await connect(uri), await connect(uri)] as const
  const [first, second] = connections
  await first.query('DROP TABLE IF EXISTS floor')
  await first.query(
    'CREATE TABLE floor (id BIGINT PRIMARY KEY, status TINYINT NOT NULL, due_at BIGINT NOT NULL, input TEXT NOT NULL, output TEXT, KEY floor_due (status, due_at))',
  )
  let nextId = 0
  return {
    settings:
      'table (id bigint primary key, status tinyint, due_at bigint, input text, output text), index (status, due_at); 1000 rows a statement; claim by SELECT … FOR UPDATE SKIP LOCKED and UPDATE … IN, complete by UPDATE JSON_TABLE STRAIGHT_JOIN; in turn on one connection, overlapped on two',
    async insert(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) {
        const rows = batch.map((input) => [(nextId += 1), 0, 0, JSON.stringify(input)])
        await first.query('INSERT INTO floor (id, status, due_at, input) VALUES ?', [rows])
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
      await first.execute('INSERT INTO floor (id, status, due_at, input) VALUES (?, 2, 0, ?)', [
        nextId,
        JSON.stringify(inputOf(nextId)),
      ])
    },
    async close() {
      await first.query('DROP TABLE floor')
      await Promise.all(connections.map((connection) => connection.end()))
    },
  }
}

async function connect(uri: string): Promise<mysql.Connection> {
  const connection = await mysql.createConnection({ uri })
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
  return connection
}

async function claim(connection: mysql.Connection): Promise<Row[]> {
  await connection.query('START TRANSACTION')
  const [rows] = await connection.query<Row[]>(CLAIM)
  const ids = rows.map(({ id }) => id)
  if (ids.length > 0) await connection.query('UPDATE floor SET status = 1 WHERE id IN (?)', [ids])
  await connection.query('COMMIT')
  return rows
}

async function complete(connection: mysql.Connection, rows: readonly Row[]): Promise<void> {
  const ends = rows.map(({ id, input }) => [
    id,
    JSON.stringify(outputOf(JSON.parse(input) as Input)),
  ])
  await connection.query(COMPLETE, [JSON.stringify(ends)])
}
