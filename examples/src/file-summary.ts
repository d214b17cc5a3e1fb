/** What the index says of one file. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { kindOf, type Kind } from './kinds'
import { countTerms, mostFrequent, type TermCount } from './terms'

export interface FileSummary {
  /** Relative to the folder. */
  readonly path: string
  readonly kind: Kind
  /** The first heading of a Markdown file, else the file's name. */
  readonly title: string
  readonly bytes: number
  readonly sha256: string
  readonly wordCount: number
  readonly topTerms: TermCount[]
  /** How many different web addresses it names. */
  readonly linkCount: number
  /** The first of them. */
  readonly links: string[]
}

const TERMS_PER_FILE = 10
// Outputs of the files of a batch are put together into one output of 1 MiB at most.
const LINKS_PER_FILE = 5
const LONGEST_LINK = 200
const LONGEST_TITLE = 120

/** Reads a file and sums it up. */
export async function summarizeFile(
  folder: string,
  path: string,
  signal: AbortSignal,
): Promise<FileSummary> {
  const bytes = await readFile(join(folder, path), { signal })
  const text = bytes.toString('utf8')
  const kind = kindOf(path) ?? 'markdown'
  const links = findLinks(text)
  const { wordCount, terms } = countTerms(text)
  return {
    path,
    kind,
    title: titleOf(text, kind) ?? basename(path),
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    wordCount,
    topTerms: mostFrequent(terms, TERMS_PER_FILE),
    linkCount: links.length,
    links: links.slice(0, LINKS_PER_FILE),
  }
}

function titleOf(text: string, kind: Kind): string | undefined {
  if (kind !== 'markdown') return undefined
  const heading = /^#{1,6}[ \t]+(\S.*)$/m.exec(text)?.[1]
  return heading?.replace(/[ \t]+#*[ \t]*$/, '').slice(0, LONGEST_TITLE)
}

/** The different web addresses in a text, in the order of their first appearance. */
function findLinks(text: string): string[] {
  const found = text.match(/https?:\/\/[^\s<>"'`()[\]{}|\\]+/g) ?? []
  const links = found.map((link) => link.replace(/[.,;:!?*_]+$/, '').slice(0, LONGEST_LINK))
  return [...new Set(links)]
}
