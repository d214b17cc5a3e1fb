/** The floor on SQLite, by better-sqlite3. */
import { openSqlite } from '../databases/sqlite'
import type { StorageName } from '../workload'
import type { Floor } from './floor'
import { BATCH, batchesOf, inputOf, outputOf, type Input } from './queue'

interface Row {
  readonly id: number
  readonly input: string
}

/** Opens the floor. */
export async function openFloorSqlite(file: string, storage: StorageName): Promise<Floor> {
  const database = openSqlite(file, storage)
  database.exec(
    `DROP TABLE IF EXISTS floor; CREATE TABLE floor (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, due_at INTEGER NOT NULL, input TEXT NOT NULL, output TEXT);
     CREATE INDEX floor_due ON floor (due_at) WHERE status = 0;`,
  )
  const insert = database.prepare(
    'INSERT INTO floor (id, status, due_at, input) VALUES (?, 0, 0, ?)',
  )
  const claim = database.prepare<[], Row>(
    `UPDATE floor SET status = 1 WHERE id IN (SELECT id FROM floor WHERE status = 0 AND due_at <= 1 ORDER BY due_at LIMIT ${BATCH}) RETURNING id, input`,
  )
  const complete = database.prepare(
    'UPDATE floor SET status = 2, output = ? WHERE id = ? AND status = 1',
  )
  let nextId = 0
  const insertMany = database.transaction((inputs: readonly Input[]) => {
    for (const input of inputs) insert.run((nextId += 1), JSON.stringify(input))
  })
  const claimMany = database.transaction(() => claim.all())
  const completeMany = database.transaction((rows: readonly Row[]) => {
    for (const { id, input } of rows) {
      complete.run(JSON.stringify(outputOf(JSON.parse(input) as Input)), id)
    }
  })
  return {
    settings:
      'table (id integer primary key, status, due_at, input, output), index (due_at) where status = 0; 1000 rows a transaction, prepared; claim by UPDATE … RETURNING',
    async insert(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) insertMany.immediate(batch)
    },
    async drain() {
      let count = 0
      for (;;) {
        const rows = claimMany.immediate()
        if (rows.length === 0) return count
        completeMany.immediate(rows)
        count += rows.length
      }
    },
    drainOverlapped: null,
    async commitOne() {
      insertMany.immediate([inputOf(nextId)])
    },
    async close() {
      database.close()
    },
  }
}
