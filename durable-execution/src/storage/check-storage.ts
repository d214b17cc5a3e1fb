/** Whether what is handed in as a storage is one: without this, a wrong one would look like one that is away. */
import { DurableExecutionError } from '../errors'
import { missingFunctions, propertyOf, show } from '../lib/validation'
import type { TaskExecutionsStorage } from './storage'

const VERBS = [
  'insert',
  'get',
  'getChildren',
  'claim',
  'settle',
  'renew',
  'lostClaims',
  'recover',
  'release',
  'wake',
  'cancel',
  'nextClaimAt',
  'prune',
] as const satisfies readonly (keyof TaskExecutionsStorage)[]

/** @throws A non-retryable `DurableExecutionError` that names the functions it lacks. */
export function checkStorage(storage: unknown): void {
  const missing = missingFunctions(storage, VERBS)
  if (missing.length === VERBS.length) refuse(`got ${show(storage)}`)
  if (missing.length > 0) refuse(`got one without ${missing.join(', ')}`)
  const listen = propertyOf(storage, 'listen')
  if (listen !== undefined && typeof listen !== 'function') {
    refuse(`got one whose listen is ${show(listen)}, no function`)
  }
}

function refuse(what: string): never {
  throw DurableExecutionError.nonRetryable(
    `Invalid storage: expected a storage of task executions, such as new InMemoryTaskExecutionsStorage(), ${what}`,
    { code: 'invalid_options' },
  )
}
