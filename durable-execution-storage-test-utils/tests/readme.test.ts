/** The README shows code of these tests, which is compiled and run with them. */
import { readFile } from 'node:fs/promises'

import { expect, it } from 'vitest'

const here = new URL('.', import.meta.url)

/** What a code block does, without its imports: tests import from the source. */
async function blocksOfReadme(): Promise<string[]> {
  const readme = await readFile(new URL('../README.md', here), 'utf8')
  return [...readme.matchAll(/^```typescript\n(.*?)^```$/gms)].map(([, code = '']) =>
    code.replaceAll(/^import .*\n/gm, '').trim(),
  )
}

it('shows the code of the tests', async () => {
  const blocks = await blocksOfReadme()
  const files = ['conformance.test.ts', 'run.test.ts', 'simulation-tasks.test.ts']
  expect(blocks).toHaveLength(files.length)
  for (const [index, file] of files.entries()) {
    expect(await readFile(new URL(file, here), 'utf8')).toContain(blocks[index])
  }
})
