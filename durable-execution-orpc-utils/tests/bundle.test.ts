/** What a browser gets of the package: the client and nothing of a server, a storage or a task. */
import { describe, expect, it } from 'vitest'

import { bundleClient } from './support/bundle'

/** All that a client is made of. */
const OWN_FILES =
  /^(durable-execution-orpc-utils\/(src\/(client\/|lib\/|client\.ts|errors\.ts|keep-failed-responses\.ts|response\.ts|wire\.ts)|tests\/browser\/)|durable-execution\/src\/(entry-errors|errors|lib\/validation)\.ts)/
const FOREIGN_PACKAGES = [
  '@orpc/client',
  '@orpc/shared',
  '@orpc/standard-server',
  '@orpc/standard-server-fetch',
]

function packageOf(file: string): string {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? ''
}

describe('a bundle of a client', () => {
  it('holds no code of a server, a storage or a task', async () => {
    const { files, text } = await bundleClient('page.ts')
    const own = files.filter((file) => !file.includes('node_modules'))
    expect(own).not.toEqual([])
    for (const file of own) expect(file).toMatch(OWN_FILES)
    const packages = new Set(files.filter((file) => !own.includes(file)).map(packageOf))
    expect([...packages].filter((name) => !FOREIGN_PACKAGES.includes(name))).toEqual([])
    for (const word of [
      'claim_at',
      'claimAt',
      'superjson',
      'ZodError',
      'leaseMs',
      'internal_hold',
    ]) {
      expect(text).not.toContain(word)
    }
    expect(text).not.toMatch(/from\s*["'](node:|durable-execution)/)
    expect(text).toContain('waitForTaskExecution')
  })

  it('is told from one that holds a server', async () => {
    const { files, text } = await bundleClient('not-a-client.ts')
    expect(files.some((file) => file.startsWith('durable-execution/src/runtime/'))).toBe(true)
    expect(text).toContain('leaseMs')
  })
})
