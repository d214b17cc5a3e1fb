/** Counts words, and the terms among them. */

export interface TermCount {
  readonly term: string
  readonly count: number
}

/** Words that say nothing of a text's subject. */
const STOP_WORDS = new Set(
  `about after also been before being both cannot could does each else even from have here http
  https into itself just like made make more most must need next none only other over same should
  some such than that their them then there these they this those through under used uses using
  very well were what when where which while will with within without would your`.split(/\s+/),
)

/** Counts the words of a text, and how often each term occurs: a word of four letters or more that isn't a stop word. */
export function countTerms(text: string): { wordCount: number; terms: Map<string, number> } {
  const words = text.match(/[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*/gu) ?? []
  const terms = new Map<string, number>()
  for (const word of words) {
    const term = word.toLowerCase()
    if (!/^\p{L}{4,30}$/u.test(term) || STOP_WORDS.has(term)) continue
    terms.set(term, (terms.get(term) ?? 0) + 1)
  }
  return { wordCount: words.length, terms }
}

/** The most frequent terms, the alphabet deciding between equals. */
export function mostFrequent(terms: ReadonlyMap<string, number>, limit: number): TermCount[] {
  return [...terms]
    .map(([term, count]) => ({ term, count }))
    .sort((a, b) => b.count - a.count || (a.term < b.term ? -1 : 1))
    .slice(0, limit)
}
