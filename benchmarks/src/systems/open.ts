/** Finds a system by its name. Each is loaded only where it runs. */
import type { BenchContext } from '../workload'
import type { Floor } from './floor'
import type { TaskQueue } from './queue'

/** Opens a system that runs tasks. */
export async function openQueue(context: BenchContext): Promise<TaskQueue> {
  switch (context.system) {
    case 'durable-execution':
      return (await import('./durable-execution')).openDurableExecution(context)
    case 'graphile-worker':
      return (await import('./graphile-worker')).openGraphileWorker(context)
    case 'pg-boss':
      return (await import('./pg-boss')).openPgBoss(context)
    case 'bullmq':
      return (await import('./bullmq')).openBullmq(context)
    case '@dbos-inc/dbos-sdk':
      return (await import('./dbos')).openDbos(context)
    case 'openworkflow':
      return (await import('./openworkflow')).openOpenWorkflow(context)
    case 'floor':
    case 'contract-sql':
      throw new Error(`${context.system} runs no tasks`)
  }
}

/** Whether a system is bare SQL. */
export function isBareSql({ system }: BenchContext): boolean {
  return system === 'floor' || system === 'contract-sql'
}

/** Opens bare SQL. */
export async function openBareSql(context: BenchContext): Promise<Floor> {
  return context.system === 'floor'
    ? (await import('./floor')).openFloor(context)
    : (await import('./contract-sql')).openContractSql(context)
}
