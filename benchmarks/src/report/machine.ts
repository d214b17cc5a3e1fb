/** The machine and the versions, in words: figures mean little without them. */
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'

/** Describes the machine on which the figures were taken. */
export function describeMachine(): string {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory}, ${type()} ${release()}, Node ${process.version}`
}

/** The version of a package that was installed from npm. */
export function versionOf(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return version
}
