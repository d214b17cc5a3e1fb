/** The options of the command line. */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { DEFAULT_STATE_FOLDER } from './state'

export interface DemoOptions {
  readonly folder: string
  readonly stateFolder: string
  /** Whether a worker is killed half-way. */
  readonly kill: boolean
  /** Whether the state of the run before is gone on with. */
  readonly keep: boolean
}

/** The user's mistake: said without a stack. */
export class UsageError extends Error {}

const DEFAULT_FOLDER = join(import.meta.dirname, '..', '..', 'node_modules')

export const HELP = `Indexes a folder in durable tasks, kills its own worker half-way, and shows that nothing is lost.

  pnpm demo [options]

  --folder DIR   index the Markdown and type declarations (.md, .d.ts) below DIR
                 (default: node_modules of this workspace)
  --state DIR    where the state and the index go (default: examples/temp/demo)
  --keep         keep the state of the run before: what was interrupted goes on, what is
                 finished is only shown (without it, each run starts afresh)
  --no-kill      kill nothing
  --help         this text
`

/**
 * Reads the arguments; `null`: help is asked for.
 *
 * @throws {UsageError}
 */
export function readOptions(args: readonly string[]): DemoOptions | null {
  const { folder = DEFAULT_FOLDER, state = DEFAULT_STATE_FOLDER, ...flags } = parse(args)
  if (flags.help) return null
  return {
    folder: existingFolder(folder),
    stateFolder: fromWorkingFolder(state),
    kill: flags.kill,
    keep: flags.keep,
  }
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      // `pnpm demo -- --keep` hands the dashes on.
      args: args.filter((arg) => arg !== '--'),
      allowNegative: true,
      options: {
        folder: { type: 'string' },
        state: { type: 'string' },
        keep: { type: 'boolean', default: false },
        kill: { type: 'boolean', default: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    return values
  } catch (error) {
    // Node's message names the argument.
    const [problem] = error instanceof Error ? error.message.split('. ') : [String(error)]
    throw new UsageError(`${problem}. Run \`pnpm demo --help\` for the options.`)
  }
}

function existingFolder(folder: string): string {
  const path = fromWorkingFolder(folder)
  if (!existsSync(path)) {
    throw new UsageError(`There is no folder ${path}: give --folder a folder that exists.`)
  }
  if (!statSync(path).isDirectory()) {
    throw new UsageError(`${path} is a file: give --folder the folder it is in.`)
  }
  return path
}

/** pnpm runs scripts in the folder of their package, and says where the user was. */
function fromWorkingFolder(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), path)
}
