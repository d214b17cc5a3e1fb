/** The machine, in words: figures mean little without them. */
import { cpus, release, totalmem, type } from 'node:os'

/** Describes the machine on which the figures were taken. */
export function describeMachine(): string {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory}, ${type()} ${release()}, Node ${process.version}`
}
