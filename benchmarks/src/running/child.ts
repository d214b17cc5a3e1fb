/** The process in which one run of one system happens: nothing of another run is in its memory. */
import type { BenchContext } from '../workload'
import { loadWorkload } from '../workloads/load'

const [id = '', text = ''] = process.argv.slice(2)
const workload = await loadWorkload(id)
const context = JSON.parse(text) as BenchContext

const run = await workload.run(context)
process.send?.(run, () => process.exit(0))
