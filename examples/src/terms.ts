/** Counts words, and the terms among them. */

export interface TermCount {
  readonly term: string
  readonly count: number
}

/** Words that say nothing of a text's subject: English ones, and those of every type declaration. */
const STOP_WORDS = new Set(
  `about after also been before being both cannot could does each else even from have here http
  https into itself just like made make more most must need next none only other over same should
  since some such than that their them then there these they this those through under used uses
  using very well were what when where which while will with within without would your

  abstract async boolean class const constructor declare default enum export extends false function
  get implements import infer instanceof interface keyof module name namespace never null number
  object param partial private protected public readonly record return returns static string symbol
  true type typeof undefined unknown value void`.split(/\s+/),
)

/** Counts the words of a text, and how often each term occurs: a longer word that isn't a stop word. */
export function countTerms(text: string): { wordCount: number; terms: Map<string, number> } {
  const words = text.match(/[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*/gu) ?? []
  const terms = new Map<string, number>()
  for (const word of words) {
    const term = word.toLowerCase()
    const count = terms.get(term)
    if (count !== undefined || isTerm(term)) terms.set(term, (count ?? 0) + 1)
  }
  return { wordCount: words.length, terms }
}

function isTerm(word: string): boolean {
  return /^\p{L}{4,30}$/u.test(word) && !STOP_WORDS.has(word)
}

/** The most frequent terms, the alphabet deciding between equals. */
export function mostFrequent(terms: ReadonlyMap<string, number>, limit: number): TermCount[] {
  return [...terms]
    .map(([term, count]) => ({ term, count }))
    .sort((a, b) => b.count - a.count || (a.term < b.term ? -1 : 1))
    .slice(0, limit)
}
