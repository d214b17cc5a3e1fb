import { defineConfig } from 'tsup'

import { tsupBase } from '../tsup.base.ts'

export default defineConfig({
  ...tsupBase,
  // Both share one chunk: an error of one entry is an instance of the other's class.
  entry: { index: 'src/index.ts', errors: 'src/entry-errors.ts' },
})
