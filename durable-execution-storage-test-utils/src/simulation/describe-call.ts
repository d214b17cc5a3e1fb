/** Requests in a few words, for the trace. */
import type { TaskExecutionsStorage } from 'durable-execution'

import type { CalledVerb } from './connection'

type RequestOf<TVerb extends CalledVerb> = Parameters<TaskExecutionsStorage[TVerb]>[0]

/** What a call asks for. */
export function describeRequest(verb: CalledVerb, request: unknown): string {
  switch (verb) {
    case 'insert':
      return (request as RequestOf<'insert'>).executions
        .map(({ taskId, executionId, start }) => `${taskId} ${executionId} ${start}`)
        .join(', ')
    case 'claim': {
      const { queue, limit, takeOver, suspects } = request as RequestOf<'claim'>
      return `${limit} of ${queue}, take over ${takeOver}, suspects ${suspects}`
    }
    case 'settle':
      return (request as RequestOf<'settle'>).settlements
        .map(
          ({ executionId, claimCount, change, insertions }) =>
            `${executionId} (claim ${claimCount}) to ${change.status}${insertions.map((row) => ` + ${row.taskId} ${row.executionId} ${row.start}`).join('')}`,
        )
        .join(', ')
    case 'renew':
    case 'lostClaims':
    case 'release':
      return (request as RequestOf<'renew'>).claims
        .map(({ executionId, claimCount }) => `${executionId} (claim ${claimCount})`)
        .join(', ')
    case 'recover':
      return `except ${(request as RequestOf<'recover'>).exceptExecutionIds.join(', ')}`
    case 'get':
    case 'cancel':
      return (request as RequestOf<'get'>).executionIds.join(', ')
    case 'getChildren':
      return (request as RequestOf<'getChildren'>).parentExecutionId
    default:
      return ''
  }
}
