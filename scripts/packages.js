import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * The packages of the workspace: all top-level folders with a package.json.
 *
 * @returns {{ folder: string; path: string; manifest: Manifest }[]}
 *
 * @typedef {{
 *   name: string
 *   private?: boolean
 *   scripts?: Record<string, string>
 *   exports?: Record<string, string | { types?: string }>
 * }} Manifest
 */
export function readPackages() {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^\.|^node_modules$/.test(entry.name))
    .flatMap(({ name: folder }) => {
      const path = join(root, folder)
      const manifest = readManifest(path)
      return manifest ? [{ folder, path, manifest }] : []
    })
}

/** @param {string} path @returns {Manifest | undefined} */
function readManifest(path) {
  try {
    return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
