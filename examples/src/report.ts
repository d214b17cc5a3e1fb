/** What is printed at the end, and whether it is as it must be. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import type { StatusCount } from './database'
import type { FolderIndex } from './folder-index'
import { bytes, number, plural, seconds } from './format'
import { findTakeovers, type Interruption } from './interruption'
import { FINISHED, sumByStatus } from './job'
import { KIND_LABELS, KINDS } from './kinds'
import { countRepetitions, type Repetitions } from './repetitions'
import { bold, green, red, say, sayTable } from './screen'
import type { SessionFacts } from './session'
import type { Start } from './start-log'
import { INDEX_JSON, INDEX_PAGE } from './state'

export interface Facts extends SessionFacts {
  readonly counts: readonly StatusCount[]
  /** From the enqueue to the end of the job. */
  readonly durationMs: number
}

/** Prints the facts. Answers whether every execution finished, and nothing ran again without reason. */
export function sayReport(facts: Facts): boolean {
  const { starts, startsBefore, begin, kill } = facts
  const interruptions = kill ? [begin, kill] : [begin]
  const repetitions = countRepetitions(startsBefore, starts, interruptions)
  const statuses = sumByStatus(facts.counts)
  const isGood =
    statuses.every(([status]) => FINISHED.has(status)) &&
    repetitions.withoutReason.length === 0 &&
    repetitions.forgotten.length === 0
  say()
  say(bold('What happened'))
  sayTable([
    ['Executions', statuses.map(([status, count]) => `${number(count)} ${status}`).join(', ')],
    ['Ran once', plural(repetitions.ranOnce, 'function')],
    ['Ran again', describeRepetitions(repetitions, interruptions)],
    ['Speed', describeSpeed(facts)],
    ...(kill ? describeTakeovers(kill, starts) : []),
    ['Duration', `${seconds(facts.durationMs)} from the enqueue to the finished index`],
  ])
  say()
  say(
    isGood
      ? green('Every execution finished, and nothing ran again but what was in flight.')
      : red('This is not as it must be: see the lines above.'),
  )
  return isGood
}

function describeRepetitions(
  { ranAgain, withoutReason, forgotten }: Repetitions,
  interruptions: readonly Interruption[],
): string {
  const inFlight = interruptions.reduce((sum, { runsInFlight }) => sum + runsInFlight.size, 0)
  if (ranAgain === 0 && inFlight === 0) return 'none'
  const texts = [
    `${plural(ranAgain, 'function')}; in flight when a worker ended: ${number(inFlight)}`,
  ]
  if (withoutReason.length > 0) texts.push(red(`without reason: ${withoutReason.join(', ')}`))
  if (forgotten.length > 0) texts.push(red(`not run again: ${forgotten.join(', ')}`))
  return texts.join('; ')
}

/** The speed of undisturbed work: up to the kill, where there is one. */
function describeSpeed({ starts, kill }: Facts): string {
  const times = starts.map(({ at }) => at).filter((at) => kill === null || at <= kill.at)
  const ms = Math.max(1, (times.at(-1) ?? 0) - (times[0] ?? 0))
  const rate = Math.round((times.length / ms) * 1000)
  return `${plural(rate, 'task')} a second${kill ? ' until the kill' : ''}`
}

function describeTakeovers(kill: Interruption, starts: readonly Start[]): [string, string][] {
  const { count, firstMs, lastMs } = findTakeovers(kill, starts)
  if (count === 0) return []
  const firstStart = starts.find(({ at }) => at >= kill.at)
  return [
    ['Taken over', `${plural(count, 'execution')} of the killed worker`],
    ['Takeover time', `the first ${seconds(firstMs)} after the kill, the last ${seconds(lastMs)}`],
    [
      'New worker',
      `began with its first task ${seconds((firstStart?.at ?? kill.at) - kill.at)} after the kill`,
    ],
  ]
}

/** Prints what is in the index, and where it is. */
export function sayIndex(folder: string): void {
  const index = JSON.parse(readFileSync(join(folder, INDEX_JSON), 'utf8')) as FolderIndex
  say()
  say(bold('The index'))
  sayTable([
    ...KINDS.map((kind): [string, string] => {
      const { files, words, links, bytes: size } = index.byKind[kind]
      return [
        KIND_LABELS[kind],
        `${plural(files, 'file')}, ${bytes(size)}, ${plural(words, 'word')}, ${plural(links, 'link')}`,
      ]
    }),
    ['Unreadable', plural(index.failures.length, 'file')],
    [
      'Top terms',
      index.topTerms
        .slice(0, 10)
        .map(({ term }) => term)
        .join(', '),
    ],
    ['Page', pathToFileURL(join(folder, INDEX_PAGE)).href],
    ['JSON', join(folder, INDEX_JSON)],
  ])
  say()
}
