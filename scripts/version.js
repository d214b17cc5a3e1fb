// Raises the versions by the pending changesets, and brings the changelogs and the lockfile up to date.
//
// The four packages always have the same version ("fixed"), and each names the core as a peer of that version
// (workspace:^). Changesets would answer every new minor of the core, being outside of the old peer range, with a new
// MAJOR of the other packages, and the first release would be 1.0.0. So it sees a wide range while it decides.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { readPackages, root } from './packages.js'

const peersOfWorkspace = /"workspace:\^"/g
const wide = '"workspace:>=0.0.0"'

const paths = readPackages().map(({ path }) => join(path, 'package.json'))
/** @type {number} */
let code
try {
  rewrite(peersOfWorkspace, wide)
  code = run('changeset version')
} finally {
  rewrite(new RegExp(wide, 'g'), '"workspace:^"')
}
process.exitCode = code || run('pnpm install --lockfile-only') || run('pnpm run fmt')

/** @param {RegExp} from @param {string} to */
function rewrite(from, to) {
  for (const path of paths) {
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
  }
}

/** @param {string} command */
function run(command) {
  return spawnSync(command, { cwd: root, stdio: 'inherit', shell: true }).status ?? 1
}
