/** What ran when, written by the task functions of all processes into one file: a line is one write at its end. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

import type { TaskRunContext } from 'durable-execution'
import type { NotedRun } from 'durable-execution-storage-test-utils'

/** On the clock that all processes of a machine share. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

let count = 0

/** Runs a function, and notes when it began and how it ended. */
export async function noted<T>(
  file: string,
  { executionId }: TaskRunContext,
  run: () => Promise<T>,
): Promise<T> {
  count += 1
  const id = `${process.pid}.${count}`
  appendFileSync(file, `${id} ${executionId} ${monotonicMs()}\n`)
  let outcome = 'threw'
  try {
    const output = await run()
    outcome = 'returned'
    return output
  } finally {
    appendFileSync(file, `${id} ${outcome} ${monotonicMs()}\n`)
  }
}

/** The runs in a journal. */
export function readJournal(file: string): NotedRun[] {
  const runs = new Map<string, NotedRun>()
  if (!existsSync(file)) return []
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
    const [id = '', what = '', at = ''] = line.split(' ')
    const begun = runs.get(id)
    runs.set(
      id,
      begun
        ? { ...begun, endedAt: Number(at), hasReturned: what === 'returned' }
        : { executionId: what, startedAt: Number(at), endedAt: null, hasReturned: false },
    )
  }
  return [...runs.values()]
}
