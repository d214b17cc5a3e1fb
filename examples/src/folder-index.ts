/** The index of a folder: the files' summaries with their sums. */
import type { FileSummary } from './file-summary'
import { KINDS, type Kind } from './kinds'
import { mostFrequent, type TermCount } from './terms'

export interface Totals {
  readonly files: number
  readonly bytes: number
  readonly words: number
  readonly links: number
}

/** A file that could not be read. */
export interface FileFailure {
  readonly path: string
  readonly message: string
}

/** What one batch of files gives. */
export interface BatchSummary {
  readonly files: FileSummary[]
  readonly failures: FileFailure[]
}

export interface FolderIndex extends BatchSummary {
  readonly folder: string
  readonly madeAt: string
  readonly totals: Totals
  readonly byKind: Record<Kind, Totals>
  /** Summed over the most frequent terms of each file. */
  readonly topTerms: TermCount[]
  /** The hosts that most files link to, by the first links of each file. */
  readonly topHosts: TermCount[]
}

const TOP_TERMS = 15
const TOP_HOSTS = 15

/** Puts the batches together. */
export function buildIndex(
  folder: string,
  batches: readonly BatchSummary[],
  now: Date,
): FolderIndex {
  const files = batches.flatMap((batch) => batch.files)
  const ofKind = (kind: Kind): Totals => totalsOf(files.filter((file) => file.kind === kind))
  return {
    folder,
    madeAt: now.toISOString(),
    totals: totalsOf(files),
    byKind: Object.fromEntries(KINDS.map((kind) => [kind, ofKind(kind)])) as Record<Kind, Totals>,
    topTerms: sumCounts(
      files.flatMap((file) => file.topTerms),
      TOP_TERMS,
    ),
    topHosts: sumCounts(
      files.flatMap(({ links }) => hostsOf(links).map((term) => ({ term, count: 1 }))),
      TOP_HOSTS,
    ),
    files,
    failures: batches.flatMap((batch) => batch.failures),
  }
}

function totalsOf(files: readonly FileSummary[]): Totals {
  const sum = (value: (file: FileSummary) => number): number =>
    files.reduce((total, file) => total + value(file), 0)
  return {
    files: files.length,
    bytes: sum((file) => file.bytes),
    words: sum((file) => file.wordCount),
    links: sum((file) => file.linkCount),
  }
}

function sumCounts(counts: readonly TermCount[], limit: number): TermCount[] {
  const sums = new Map<string, number>()
  for (const { term, count } of counts) sums.set(term, (sums.get(term) ?? 0) + count)
  return mostFrequent(sums, limit)
}

function hostsOf(links: readonly string[]): string[] {
  const hosts = links.flatMap((link) => (URL.canParse(link) ? [new URL(link).host] : []))
  return [...new Set(hosts)]
}
