import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FolderIndex } from '../src/folder-index'
import { readStarts } from '../src/start-log'

const examples = join(import.meta.dirname, '..')
const LONGEST_MS = 120_000

const KNOWN = `# Fish & <b>"Chips"</b>

Chips, chips and fish: see https://chips.example/menu?a=1&b=2. Again <https://chips.example/menu?a=1&b=2>,
and [elsewhere](http://fish.example/).
`

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs the demo as its users do. What it prints is seen as it comes. */
async function demo(
  args: readonly string[],
  {
    env = {},
    onOutput,
  }: { env?: NodeJS.ProcessEnv; onOutput?: (output: string, pid: number) => void } = {},
): Promise<Ended> {
  const command = ['--conditions=@durable-execution/source', '--import', 'tsx', 'src/cli.ts']
  const child = spawn(process.execPath, [...command, ...args], {
    cwd: examples,
    env: { ...process.env, INIT_CWD: undefined, ...env },
    // Before the test gives up, so that nothing outlives it.
    timeout: LONGEST_MS - 10_000,
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    onOutput?.(output, child.pid ?? 0)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, output }
}

let root: string
/** A few known files, and what must be left out. */
let small: string
/** Enough work to be interrupted. */
let large: string
const LARGE_COUNT = 100

function readIndex(state: string): FolderIndex {
  return JSON.parse(readFileSync(join(state, 'index.json'), 'utf8')) as FolderIndex
}

function figure(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1]?.replaceAll(',', '') ?? Number.NaN)
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'demo-'))
  small = join(root, 'small')
  large = join(root, 'large')
  mkdirSync(join(small, 'nested', '.git'), { recursive: true })
  mkdirSync(large)
  writeFileSync(join(small, 'known.md'), KNOWN)
  writeFileSync(join(small, 'nested', 'types.d.ts'), 'export declare const fish: string\n')
  writeFileSync(join(small, 'nested', 'empty.md'), '')
  writeFileSync(join(small, 'nested', 'other.txt'), 'not indexed')
  writeFileSync(join(small, 'nested', '.git', 'hidden.md'), '# Not indexed')
  linkSync(join(small, 'known.md'), join(small, 'nested', 'known-again.md'))
  symlinkSync(small, join(small, 'nested', 'loop'))
  const words = Array.from({ length: 20_000 }, (_, index) => `word${'abcdefghij'[index % 10]}`)
  for (let file = 0; file < LARGE_COUNT; file += 1) {
    writeFileSync(join(large, `${file}.md`), `# File ${file}\n${words.join(' ')}\n`)
  }
})

afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

describe('the demo', () => {
  it(
    'indexes a folder, and does not repeat a finished job with --keep',
    async () => {
      const state = join(root, 'state-small')
      const args = ['--folder', small, '--state', state, '--no-kill']
      const { code, output } = await demo(args)
      expect(output).toContain('nothing ran again but what was in flight')
      expect(output).not.toContain('SIGKILL')
      expect(code).toBe(0)

      const index = readIndex(state)
      expect(index.files.map(({ path }) => path)).toEqual([
        'known.md',
        'nested/empty.md',
        'nested/types.d.ts',
      ])
      expect(index.files[0]).toEqual({
        path: 'known.md',
        kind: 'markdown',
        title: 'Fish & <b>"Chips"</b>',
        bytes: Buffer.byteLength(KNOWN),
        sha256: createHash('sha256').update(KNOWN).digest('hex'),
        wordCount: 31,
        topTerms: [
          { term: 'chips', count: 5 },
          { term: 'example', count: 3 },
          { term: 'fish', count: 3 },
          { term: 'menu', count: 2 },
          { term: 'again', count: 1 },
          { term: 'elsewhere', count: 1 },
        ],
        linkCount: 2,
        links: ['https://chips.example/menu?a=1&b=2', 'http://fish.example/'],
      })
      expect(index.totals).toMatchObject({ files: 3, links: 2 })
      expect(index.byKind.markdown.files).toBe(2)
      expect(index.byKind.declarations).toEqual({ files: 1, bytes: 34, words: 5, links: 0 })
      expect(index.failures).toEqual([])

      const page = readFileSync(join(state, 'index.html'), 'utf8')
      expect(page).toContain('Fish &#38; &#60;b&#62;&#34;Chips&#34;&#60;/b&#62;')
      expect(page).not.toContain('<b>')
      expect(page).not.toMatch(/\b(?:src|href)=|@import|url\(/)

      const starts = readStarts(join(state, 'starts.jsonl')).length
      const again = await demo([...args, '--keep'])
      expect(again.code).toBe(0)
      expect(again.output).toContain('This job has finished already')
      expect(again.output).toContain(join(state, 'index.json'))
      expect(readStarts(join(state, 'starts.jsonl'))).toHaveLength(starts)

      const other = await demo(['--folder', large, '--state', state, '--keep'])
      expect(other.code).toBe(2)
      expect(other.output).toContain(`is that of ${small}: leave --keep out`)
    },
    LONGEST_MS,
  )

  it(
    'goes on after its worker was killed, and repeats only what was in flight',
    async () => {
      const state = join(root, 'state-kill')
      const disturbing: Promise<Ended>[] = []
      const { code, output } = await demo(['--folder', large, '--state', state], {
        onOutput: (text) => {
          if (disturbing.length > 0 || !text.includes('SIGKILL')) return
          disturbing.push(demo(['--folder', small, '--state', state]))
        },
      })
      expect(output).toContain('SIGKILL to worker-1')
      expect(figure(output, /Taken over {2,}([\d,]+) execution/)).toBeGreaterThan(0)
      expect(figure(output, /Ran again {2,}([\d,]+) function/)).toBe(
        figure(output, /in flight when a worker ended: ([\d,]+)/),
      )
      // The folder, its batch, a finalize of each, and the files.
      expect(output).toContain(`${LARGE_COUNT + 4} completed`)
      expect(code).toBe(0)
      const index = readIndex(state)
      expect(index.totals.files).toBe(LARGE_COUNT)
      expect(new Set(index.files.map(({ path }) => path)).size).toBe(LARGE_COUNT)

      const [disturbed] = await Promise.all(disturbing)
      expect(disturbed?.code).toBe(2)
      expect(disturbed?.output).toContain(`is at work in ${state}: wait for its end`)

      const starts = readStarts(join(state, 'starts.jsonl'))
      expect(new Set(starts.map(({ worker }) => worker))).toEqual(new Set(['worker-1', 'worker-2']))
      expect(new Set(starts.map(({ executionId }) => executionId)).size).toBe(LARGE_COUNT + 4)
    },
    LONGEST_MS,
  )

  it(
    'goes on with --keep where Ctrl-C interrupted it, on the other driver too',
    async () => {
      const args = ['--folder', large, '--state', join(root, 'state-interrupted'), '--no-kill']
      const env = { DEMO_DRIVER: 'libsql' }
      let isInterrupted = false
      const interrupted = await demo(args, {
        env,
        onOutput: (output, pid) => {
          if (isInterrupted || !/\d+ of 100 files/.test(output)) return
          isInterrupted = true
          process.kill(pid, 'SIGINT')
        },
      })
      expect(interrupted.output).toContain('@libsql/client')
      expect(interrupted.output).toContain('run it again with --keep')
      expect(interrupted.code).toBe(130)

      const { code, output } = await demo([...args, '--keep'], { env })
      expect(output).toContain(`${LARGE_COUNT + 4} completed`)
      expect(code).toBe(0)
    },
    LONGEST_MS,
  )

  it(
    'says what is wrong with its options, and what to do',
    async () => {
      const [help, unknown, missing, file, empty] = await Promise.all([
        demo(['--help']),
        demo(['--fodler', small]),
        demo(['--folder', join(root, 'missing')]),
        demo(['--folder', join(small, 'known.md')]),
        demo(['--folder', join(examples, 'src')]),
      ])
      expect(help.code).toBe(0)
      expect(help.output).toContain('--folder DIR')
      expect(unknown.code).toBe(2)
      expect(unknown.output).toContain("Unknown option '--fodler'. Run `pnpm demo --help`")
      expect(missing.code).toBe(2)
      expect(missing.output).toContain(`There is no folder ${join(root, 'missing')}: give --folder`)
      expect(file.code).toBe(2)
      expect(file.output).toContain(`${join(small, 'known.md')} is a file: give --folder`)
      expect(empty.code).toBe(2)
      expect(empty.output).toContain('There is no Markdown (.md) and no type declaration')
    },
    LONGEST_MS,
  )
})
