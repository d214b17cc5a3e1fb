// Installs the git hooks after an install, where there is a git repository and a developer.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (!process.env['CI'] && existsSync('.git')) {
  const { status } = spawnSync('simple-git-hooks', { stdio: 'inherit', shell: true })
  if (status !== 0) {
    console.warn('The git hooks could not be installed; nothing else depends on them.')
  }
}
