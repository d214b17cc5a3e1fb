/** Every short workload runs, with next to nothing to do: figures come out, and none is looked at. */
import { createRequire } from 'node:module'

import { describe, expect, it } from 'vitest'

import { readOptions } from '../src/options'
import { toMarkdown } from '../src/report/table'
import { runAll } from '../src/run'

const SCALE = '0.002'

/** Where each storage is found: those that other tests use as well. */
const PLACES = {
  pg: ['BENCH_POSTGRES_URL', process.env['TEST_POSTGRES_URL']],
  mysql: ['BENCH_MYSQL_URL', process.env['TEST_MYSQL_URL']],
  mariadb: ['BENCH_MARIADB_URL', process.env['TEST_MARIADB_URL']],
} as const

function hasBetterSqlite(): boolean {
  try {
    createRequire(import.meta.url)('better-sqlite3')
    return true
  } catch {
    return false
  }
}

async function run(args: readonly string[]): Promise<{ failures: string[]; table: string }> {
  const failures: string[] = []
  const options = readOptions([...args, '--runs', '1', '--scale', SCALE])
  const measurements = await runAll(options, (line) => {
    if (line.includes('failed')) failures.push(line)
  })
  for (const { value, metric } of measurements) expect(value, metric).not.toBeNaN()
  return { failures, table: toMarkdown(measurements) }
}

describe('pnpm bench', () => {
  it.runIf(hasBetterSqlite())(
    'measures on SQLite',
    async () => {
      const { failures, table } = await run(['P1', 'P2', 'P4', '--floor', '--storage', 'sqlite'])
      expect(failures).toEqual([])
      for (const id of ['P1', 'P2', 'P4']) expect(table).toContain(`### ${id}: `)
      for (const system of ['durable-execution', 'floor', 'contract-sql']) {
        expect(table).toContain(`| ${system} | `)
      }
    },
    120_000,
  )

  for (const [storage, [variable, url]] of Object.entries(PLACES)) {
    it.runIf(url !== undefined)(
      `measures on ${storage}`,
      async () => {
        process.env[variable] = url
        const ids = storage === 'pg' ? ['P1', 'P3', 'P5', 'P6', 'P8', 'P15', 'HTTP'] : ['P7']
        const { failures, table } = await run([...ids, '--floor', '--storage', storage])
        expect(failures).toEqual([])
        for (const id of ids) expect(table).toContain(`### ${id}: `)
      },
      240_000,
    )
  }

  it('says what it does not know', () => {
    expect(() => readOptions(['P16'])).toThrow('Unknown workload P16: expected one of P1, P2')
    expect(() => readOptions(['--storage', 'oracle'])).toThrow('Unknown storage oracle')
    expect(() => readOptions(['--runs', 'many'])).toThrow('--runs: expected a number above 0')
  })
})
