import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const examples = dirname(dirname(fileURLToPath(import.meta.url)))
const root = dirname(examples)
/** Inside this package, so that its dependencies resolve. */
const folder = join(examples, '.documentation')

async function pages(): Promise<string[]> {
  const guides = await readdir(join(root, 'docs', 'guides'))
  const packages = (await readdir(root, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && entry.name.startsWith('durable-execution'))
    .map(({ name }) => join(name, 'README.md'))
  return ['README.md', ...guides.map((guide) => join('docs', 'guides', guide)), ...packages]
}

/** The code blocks of a page, in their order: together they are one program. */
function programOf(markdown: string): string {
  const blocks = [...markdown.matchAll(/^```ts\n(.*?)^```$/gms)]
  return blocks.map(([, code]) => code).join('\n')
}

/** A program runs in a folder of its own, as it would at a reader's. */
function fileOf(page: string): string {
  return join(folder, page.replaceAll(/[^\w]/g, '-'), 'program.ts')
}

const written = (await pages()).filter((page) => page.endsWith('.md'))
const programs: { page: string; code: string }[] = []
for (const page of written) {
  const code = programOf(await readFile(join(root, page), 'utf8').catch(() => ''))
  if (code !== '') programs.push({ page, code })
}

beforeAll(async () => {
  await rm(folder, { recursive: true, force: true })
  for (const { page, code } of programs) {
    await mkdir(dirname(fileOf(page)), { recursive: true })
    await writeFile(fileOf(page), `${code}\nexport {}\n`)
  }
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      emitDeclarationOnly: false,
      noEmit: true,
      declaration: false,
    },
    include: ['*/program.ts'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('code blocks of the documentation', () => {
  it('are found in the README and in every guide', () => {
    const found = programs.map(({ page }) => page)
    expect(found).toContain('README.md')
    for (const page of written.filter((name) => name.startsWith('docs'))) {
      expect(found).toContain(page)
    }
  })

  it('compile', async () => {
    const tsc = join(examples, 'node_modules', '.bin', 'tsc')
    const { stdout } = await run(tsc, ['-p', folder, '--pretty', 'false']).catch(
      (error: unknown) => error as { stdout: string },
    )
    expect(stdout).toBe('')
  }, 120_000)

  it.each(programs.map(({ page }) => page))(
    'run: %s',
    async (page) => {
      const file = fileOf(page)
      const tsx = join(examples, 'node_modules', '.bin', 'tsx')
      const args = ['--conditions=@durable-execution/source', relative(dirname(file), file)]
      const { stdout, stderr } = await run(tsx, args, { cwd: dirname(file), timeout: 60_000 })
      expect(stderr).toBe('')
      expect(stdout).not.toBe('')
    },
    120_000,
  )
})
