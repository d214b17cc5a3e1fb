/** A real page in a real browser enqueues and waits. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { chromium, type BrowserContext, type Page as BrowserPage } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Page } from './browser/page'
import { bundleClient } from './support/bundle'
import { serveTasks, type TasksServer } from './support/tasks-server'
import { until } from './support/world'

/** Without those of the network, the browser calls its maker at every start. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const candidates = [process.env['TEST_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser']
const executablePath = candidates.find((path) => path !== undefined && existsSync(path))
const isRequired = process.env['REQUIRED_BROWSER'] === 'chromium'
if (executablePath === undefined && !isRequired) {
  console.log(
    'Chromium is not there: no page enqueues. Install it (Debian: chromium), or name it in TEST_CHROMIUM',
  )
}

describe.skipIf(executablePath === undefined && !isRequired)('a page in Chromium', () => {
  let folder: string
  let context: BrowserContext
  let script: string

  beforeAll(async () => {
    if (executablePath === undefined) throw new Error('Chromium is required, and not there')
    script = (await bundleClient('page.ts')).text
    folder = mkdtempSync(join(tmpdir(), 'durable-execution-browser-'))
    context = await chromium.launchPersistentContext(folder, {
      executablePath,
      headless: true,
      args: FLAGS,
    })
  })

  afterAll(async () => {
    await context.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The page of a server of tasks. */
  async function open(): Promise<{ server: TasksServer; page: BrowserPage }> {
    const pages: RequestListener = (request, response) => {
      const isScript = request.url === '/page.js'
      response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
      response.end(isScript ? script : '<script type="module" src="/page.js"></script>')
    }
    const server = await serveTasks({ pages, router: { heartbeatMs: 50 } })
    const page = await context.newPage()
    await page.goto(server.url)
    await page.waitForFunction(() => 'page' in globalThis)
    return { server, page }
  }

  /** Calls a function of the page. Playwright carries the function over as text: it may only use what is in the page. */
  function call<TName extends keyof Page>(
    page: BrowserPage,
    name: TName,
    argument = '',
  ): Promise<Awaited<ReturnType<Page[TName]>>> {
    return page.evaluate(
      ([functionName, text]) =>
        (Reflect.get(globalThis, 'page') as Record<string, (text: string) => never>)[
          functionName
        ]?.(text),
      [name as string, argument] as const,
    ) as Promise<Awaited<ReturnType<Page[TName]>>>
  }

  it('enqueues and waits, and values are what they were', async () => {
    const { page, server } = await open()
    expect(await call(page, 'echo')).toEqual({
      id: expect.stringMatching(/^te_/) as string,
      isDate: true,
      isSet: true,
    })
    expect(server.runs.calls.get('echo')).toBe(1)
    expect(await call(page, 'fail')).toBe('DurableExecutionNotFoundError: No such order')
  })

  it('waits on while it has no network, and enqueues when it is back', async () => {
    const { page, server } = await open()
    const id = await call(page, 'enqueue', 'a')
    const wait = call(page, 'wait', id)
    await until('it runs', () => server.runs.held.has('a'))
    await context.setOffline(true)
    const enqueued = call(page, 'enqueue', 'b')
    server.runs.held.get('a')?.()
    expect(server.runs.held.has('b')).toBe(false)
    await context.setOffline(false)
    expect(await wait).toBe('a was let go')
    expect(await enqueued).toMatch(/^te_/)
    await until('it runs too', () => server.runs.held.has('b'))
  })

  it('gives a wait up', async () => {
    const { page } = await open()
    const id = await call(page, 'enqueue', 'a')
    expect(await call(page, 'giveUp', id)).toBe('TimeoutError: signal timed out')
  })
})
