/** The kinds of files that are indexed. */

export type Kind = 'markdown' | 'declarations'

export const KINDS: readonly Kind[] = ['markdown', 'declarations']

export const KIND_LABELS: Record<Kind, string> = {
  markdown: 'Markdown',
  declarations: 'Type declarations',
}

/** The kind of a file by its name; `null`: it isn't indexed. */
export function kindOf(path: string): Kind | null {
  if (/\.(?:md|markdown)$/i.test(path)) return 'markdown'
  if (/\.d\.[cm]?ts$/i.test(path)) return 'declarations'
  return null
}
