/** Bundles a client for a browser, as its users' tools do. */
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

const tests = dirname(dirname(fileURLToPath(import.meta.url)))
const root = join(tests, '..', '..')

export interface Bundle {
  readonly text: string
  /** The files that have any code in it, from the root of the workspace. */
  readonly files: readonly string[]
}

export async function bundleClient(entry: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(tests, 'browser', entry)],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@durable-execution/source'],
    // Nothing of a client's: what needs them is seen in the text.
    external: ['node:*'],
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  const [output] = Object.values(metafile.outputs)
  const used = Object.entries(output?.inputs ?? {}).filter(
    ([, { bytesInOutput }]) => bytesInOutput > 0,
  )
  return {
    text: outputFiles.map(({ text }) => text).join('\n'),
    files: used.map(([file]) => relative(root, join(root, file))),
  }
}
