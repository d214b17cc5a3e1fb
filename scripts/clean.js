// Removes all that the commands of this repository make, except node_modules.
import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { readPackages, root } from './packages.js'

const outputs = [
  'dist',
  'coverage',
  '.turbo',
  '.tsc',
  '.reports',
  'temp',
  'api-docs',
  '.documentation',
]

for (const folder of [root, ...readPackages().map(({ path }) => path)]) {
  for (const output of outputs) {
    rmSync(join(folder, output), { recursive: true, force: true })
  }
}
rmSync(join(root, 'docs/api'), { recursive: true, force: true })
