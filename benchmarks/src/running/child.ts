/** The process in which one run of one system happens: nothing of another run is in its memory. */
import type { BenchContext } from '../workload'
import { WORKLOADS } from '../workloads/index'

const [id, text] = process.argv.slice(2)
const workload = WORKLOADS.find((candidate) => candidate.id === id)
if (!workload || text === undefined) throw new Error(`No workload ${id}`)
const context = JSON.parse(text) as BenchContext

const run = await workload.run(context)
process.send?.(run, () => process.exit(0))
