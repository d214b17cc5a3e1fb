/** What random sequences have to bring about, so that agreement of two storages means something. */
import { isWaiting, type ExecutionRecord, type TaskExecutionsStorage } from 'durable-execution'

/** Everything a default run must have seen at least once. */
const REQUIRED_EVENTS: readonly string[] = [
  ...['inserted', 'exists', 'skipped', 'exists by sleeping_key'].map((kind) => `insert: ${kind}`),
  ...['applied', 'repeated', 'lost'].map((outcome) => `settle: ${outcome}`),
  ...['applied', 'repeated', 'lost'].map((outcome) => `release: ${outcome}`),
  ...['renewed', 'lost'].map((outcome) => `renew: ${outcome}`),
  ...['cancelled', 'finished', 'missing'].map((outcome) => `cancel: ${outcome}`),
  ...['run', 'parent', 'sleeper', 'takeover', 'suspect'].map((kind) => `claim: ${kind}`),
  ...['woken', 'found', 'none', 'parent handed over'].map((kind) => `wake: ${kind}`),
  'settle: parent handed over',
  'settle: claimed insertion',
  'lostClaims: lost',
  'recover: found',
  'get: found',
  'getChildren: children',
  'getChildren: finalize',
  'nextClaimAt: due',
  'prune: deleted',
  ...[
    'ready',
    'running',
    'waiting_for_children',
    'waiting_for_finalize',
    'completed',
    'failed',
    'timed_out',
    'finalize_failed',
    'cancelled',
  ].map((status) => `row: ${status}`),
  'row: sleeping key refused',
  'row: fourth generation',
  'row: later step of a sequence',
]

/** The events that random sequences brought about. */
export type Coverage = Set<string>

/** The required events that have not been seen. */
export function missingEvents(seen: Coverage): string[] {
  return REQUIRED_EVENTS.filter((event) => !seen.has(event))
}

/** A storage that does what the given one does, and notes what came of it. */
export function observed(storage: TaskExecutionsStorage, seen: Coverage): TaskExecutionsStorage {
  return { ...observedReads(storage, seen), ...observedWrites(storage, seen) }
}

type Reads = 'get' | 'getChildren' | 'lostClaims' | 'recover' | 'nextClaimAt'

function observedReads(
  storage: TaskExecutionsStorage,
  seen: Coverage,
): Pick<TaskExecutionsStorage, Reads> {
  return {
    async get(request) {
      const answer = await storage.get(request)
      if (answer.records.some((record) => record !== null)) seen.add('get: found')
      return answer
    },
    async getChildren(request) {
      const answer = await storage.getChildren(request)
      if (answer.children.length > 0) seen.add('getChildren: children')
      if (answer.finalize) seen.add('getChildren: finalize')
      return answer
    },
    async lostClaims(request) {
      const answer = await storage.lostClaims(request)
      if (answer.lost.length > 0) seen.add('lostClaims: lost')
      return answer
    },
    async recover(request) {
      const answer = await storage.recover(request)
      if (answer.records.length > 0) seen.add('recover: found')
      return answer
    },
    async nextClaimAt(request) {
      const answer = await storage.nextClaimAt(request)
      if (answer.next.some(({ claimAt }) => claimAt !== null)) seen.add('nextClaimAt: due')
      return answer
    },
  }
}

function observedWrites(
  storage: TaskExecutionsStorage,
  seen: Coverage,
): Omit<TaskExecutionsStorage, Reads> {
  return {
    async insert(request) {
      const answer = await storage.insert(request)
      for (const outcome of answer.outcomes) {
        seen.add(`insert: ${outcome.kind}`)
        if (outcome.kind === 'exists') seen.add(`insert: exists by ${outcome.conflict}`)
      }
      return answer
    },
    async claim(request) {
      const answer = await storage.claim(request)
      for (const record of answer.records) seen.add(`claim: ${kindOfClaim(record)}`)
      if (answer.records.some(({ takeovers }) => takeovers === 1)) seen.add('claim: takeover')
      if (answer.records.some(({ takeovers }) => takeovers > 1)) seen.add('claim: suspect')
      return answer
    },
    async settle(request) {
      const answer = await storage.settle(request)
      for (const { outcome, claimedInsertions } of answer.outcomes) {
        seen.add(`settle: ${outcome}`)
        if (claimedInsertions.length > 0) seen.add('settle: claimed insertion')
      }
      if (answer.parents.length > 0) seen.add('settle: parent handed over')
      return answer
    },
    async renew(request) {
      const answer = await storage.renew(request)
      for (const outcome of answer.outcomes) seen.add(`renew: ${outcome}`)
      return answer
    },
    async release(request) {
      const answer = await storage.release(request)
      for (const outcome of answer.outcomes) seen.add(`release: ${outcome}`)
      return answer
    },
    async wake(request) {
      const answer = await storage.wake(request)
      const isWokenNow = answer.record?.updatedAt === answer.now
      seen.add(answer.record ? `wake: ${isWokenNow ? 'woken' : 'found'}` : 'wake: none')
      if (answer.parent) seen.add('wake: parent handed over')
      return answer
    },
    async cancel(request) {
      const answer = await storage.cancel(request)
      for (const outcome of answer.outcomes) seen.add(`cancel: ${outcome}`)
      return answer
    },
    async prune(request) {
      const answer = await storage.prune(request)
      if (answer.prunedCount > 0) seen.add('prune: deleted')
      return answer
    },
  }
}

function kindOfClaim(record: ExecutionRecord): string {
  if (isWaiting(record.status)) return 'parent'
  return record.sleepingKey === null ? 'run' : 'sleeper'
}

/** Notes what kinds of rows there are. */
export function noteRows(rows: readonly ExecutionRecord[], seen: Coverage): void {
  const byId = new Map(rows.map((row) => [row.executionId, row]))
  for (const row of rows) {
    seen.add(`row: ${row.status}`)
    if (row.error?.code === 'already_exists') seen.add('row: sleeping key refused')
    const isLaterStep = row.parent?.taskId === 'sequence' && row.parent.indexInParent > 1
    if (isLaterStep) seen.add('row: later step of a sequence')
    if (depthOf(row, byId) >= 3) seen.add('row: fourth generation')
  }
}

function depthOf(row: ExecutionRecord, byId: ReadonlyMap<string, ExecutionRecord>): number {
  const parent = row.parent && byId.get(row.parent.executionId)
  return parent ? 1 + depthOf(parent, byId) : 0
}
