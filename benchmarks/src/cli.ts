/** `pnpm bench`: prints what it measures as it goes, then a table. */
import { writeFile } from 'node:fs/promises'

import { readOptions, USAGE, type Options } from './options'
import { describeMachine } from './report/machine'
import { toMarkdown } from './report/table'
import { runAll } from './run'

function options(): Options | null {
  const args = process.argv.slice(2)
  try {
    if (args.includes('--help') || args.includes('-h')) {
      console.log(USAGE)
      return null
    }
    return readOptions(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    process.exitCode = 2
    return null
  }
}

const chosen = options()
if (chosen) {
  const measurements = await runAll(chosen, (line) => {
    console.error(line)
  })
  console.log(`${describeMachine()}\n\n${toMarkdown(measurements)}`)
  if (chosen.json !== null) {
    await writeFile(chosen.json, `${JSON.stringify(measurements, null, 2)}\n`)
  }
}
