import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, it, onTestFinished } from 'vitest'

const run = promisify(execFile)
const examples = join(import.meta.dirname, '..')
const LONGEST_MS = 120_000

/** Runs the example as its users do. */
async function runService(databaseUrl: string): Promise<{ stdout: string }> {
  const command = [
    '--conditions=@durable-execution/source',
    '--import',
    'tsx',
    'src/service/cli.ts',
  ]
  return run(process.execPath, command, {
    cwd: examples,
    env: { ...process.env, DATABASE_URL: databaseUrl },
    // Before the test gives up, so that nothing outlives it.
    timeout: LONGEST_MS - 10_000,
  })
}

const SCENARIO = [
  /Two processes: the executor server \(\d+\) and the shop \(\d+\)/,
  /order-1, placed twice, was charged once, after the bank was busy at first: 1990 cents, no\. 1/,
  /order-2 failed with the shop's own words: Only 0 teapot left/,
  /order-3, which waited for an approval, was cancelled/,
  /The executor server was killed in the midst of a wait; another took its place/,
  /order-4 was approved by Ada; who waited for it got the receipt: 7960 cents, no\. 2/,
  /As OpenAPI the tasks have 5 paths/,
  /A dashboard without oRPC sees by it that order-4 is completed/,
  /It may not cancel \(403\), and who has no token may not even look \(401\)/,
]

describe('the service of two processes', () => {
  it('goes through its scenario on a SQLite file', { timeout: LONGEST_MS }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'service-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const { stdout } = await runService(pathToFileURL(join(folder, 'tasks.db')).href)
    expect(stdout).toContain('Database: a SQLite file')
    for (const line of SCENARIO) expect(stdout).toMatch(line)
  })

  const postgresUrl = process.env['TEST_POSTGRES_URL']
  const isRequired = (process.env['REQUIRED_DATABASES'] ?? '').split(',').includes('postgres')
  if (postgresUrl === undefined && !isRequired) {
    console.log('The service is not run on PostgreSQL: set TEST_POSTGRES_URL')
  }

  it.skipIf(postgresUrl === undefined && !isRequired)(
    'goes through its scenario on PostgreSQL',
    { timeout: LONGEST_MS },
    async () => {
      if (postgresUrl === undefined) {
        throw new Error('PostgreSQL is required: set TEST_POSTGRES_URL')
      }
      const { stdout } = await runService(postgresUrl)
      expect(stdout).toContain('Database: PostgreSQL')
      for (const line of SCENARIO) expect(stdout).toMatch(line)
    },
  )
})
