/** The process in which a system is measured, once: nothing of another run is in its memory. */
import { loadWorkload } from '../workloads/load'
import type { Job, JobAnswer } from './run-in-process'

const jobs = JSON.parse(process.argv[2] ?? '[]') as readonly Job[]

for (const { id, context } of jobs) {
  const workload = await loadWorkload(id)
  const answer: JobAnswer = { id, run: await workload.run(context) }
  await new Promise((resolve) => {
    process.send?.(answer, resolve)
  })
}
process.exit(0)
