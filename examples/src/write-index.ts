/** Writes the index, as JSON and as a page. */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { FolderIndex } from './folder-index'
import { renderPage } from './index-page'
import { INDEX_JSON, INDEX_PAGE } from './state'

export async function writeIndex(outputFolder: string, index: FolderIndex): Promise<void> {
  await replaceFile(join(outputFolder, INDEX_JSON), `${JSON.stringify(index, null, 2)}\n`)
  await replaceFile(join(outputFolder, INDEX_PAGE), renderPage(index))
}

/** A task may run more than once, and may die at any point: a file is there whole or not at all, and twice is the same as once. */
async function replaceFile(path: string, content: string): Promise<void> {
  const draft = `${path}.draft`
  await writeFile(draft, content)
  await rename(draft, path)
}
