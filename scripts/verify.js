// All that must hold before a change lands, one step after the other; says at the end which of them failed.
// --no-tests leaves the tests out, for who has just run them.
import { spawnSync } from 'node:child_process'

import { root } from './packages.js'

const steps = [
  'fmt-check',
  'lint',
  'type-check',
  'test',
  'build',
  'check-exports',
  'api-check',
  'check-unused',
].filter((step) => step !== 'test' || !process.argv.includes('--no-tests'))

const failed = steps.filter((step) => {
  console.log(`\n=== ${step}`)
  return spawnSync(`pnpm run ${step}`, { cwd: root, stdio: 'inherit', shell: true }).status !== 0
})

console.log(
  failed.length > 0 ? `\nFailed: ${failed.join(', ')}` : `\nAll passed: ${steps.join(', ')}`,
)
process.exitCode = failed.length > 0 ? 1 : 0
