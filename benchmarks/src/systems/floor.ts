/** The least durable SQL for the same work: a narrow table, a thousand rows a statement, two writes after the insert. */
import type { BenchContext } from '../workload'
import { openFloorMysql } from './floor-mysql'
import { openFloorPostgres } from './floor-postgres'
import { openFloorSqlite } from './floor-sqlite'
import type { Input } from './queue'

/** Bare SQL on a narrow table. */
export interface Floor {
  /** Columns, indexes and how it was driven. */
  readonly settings: string
  insert(inputs: readonly Input[]): Promise<void>
  /** Claims and completes in turn until nothing is left. Answers how many rows that were. */
  drain(): Promise<number>
  /** Claims on one connection while another completes; `null` where there is no second one. */
  readonly drainOverlapped: (() => Promise<number>) | null
  /** Inserts one row, prepared, with its commit. */
  commitOne(): Promise<void>
  close(): Promise<void>
}

/** Opens the floor of a context's database. */
export async function openFloor(context: BenchContext): Promise<Floor> {
  switch (context.storage) {
    case 'pg':
      return openFloorPostgres(context.url)
    case 'mysql':
    case 'mariadb':
      return openFloorMysql(context.url)
    case 'sqlite':
    case 'sqlite-full':
      return openFloorSqlite(context.url, context.storage)
  }
}
