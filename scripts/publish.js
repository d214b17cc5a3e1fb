// Builds and publishes the packages whose version isn't published yet; arguments go to `pnpm publish`.
// With --dry-run nothing leaves the machine, and neither uncommitted changes nor pending changesets matter.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { root } from './packages.js'

const args = process.argv.slice(2)
const isDryRun = args.includes('--dry-run')
const pending = readdirSync(join(root, '.changeset')).filter((name) =>
  /^(?!README).*\.md$/.test(name),
)

if (pending.length > 0 && !isDryRun) {
  console.error(`Not published: run \`pnpm cs-version\` first, for ${pending.join(', ')}.`)
  process.exitCode = 1
} else {
  const gitChecks = isDryRun ? ['--no-git-checks'] : []
  process.exitCode =
    run('pnpm', ['run', 'build']) ||
    run('pnpm', ['publish', '-r', '--access', 'public', ...gitChecks, ...args])
}

/** @param {string} command @param {string[]} commandArgs */
function run(command, commandArgs) {
  const { status } = spawnSync([command, ...commandArgs].join(' '), {
    cwd: root,
    stdio: 'inherit',
    shell: true,
  })
  return status ?? 1
}
