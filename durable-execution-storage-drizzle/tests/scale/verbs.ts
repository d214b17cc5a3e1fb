/** Every verb, on the rows of a large table, with what its statements did. */
import {
  settlementOf,
  transitions,
  type ClaimRequest,
  type ExecutionRecord,
  type NewExecution,
  type Settlement,
  type TaskExecutionsStorage,
} from 'durable-execution'
import { childOf, newExecution, newSleeper } from 'durable-execution-storage-test-utils'

import { NOW } from './rows'

/** What one statement did. */
export interface Statement {
  /** Its text, and how it was planned. */
  readonly name: string
  /** How many rows of the table it looked at. */
  readonly rowsRead: number
  /** How it read the table where it should not have. */
  readonly scans: readonly string[]
}

/** What a call did. */
export interface WatchedCall {
  readonly verb: string
  /** How many rows it was about. */
  readonly rows: number
  readonly statements: readonly Statement[]
}

/** Answers the statements that were sent since it was asked last. */
export type TakeStatements = () => readonly Statement[]

const BATCH = 100
const BY = { executorId: 'executor', leaseMs: 10_000, now: NOW }
/** As many as a claim of an executor has at the most, and fewer. */
const CLAIM_LIMITS = [1, 10, BATCH, 1000]
/** How many ready rows {@link EveryVerb} takes. */
export const READY_ROWS = 3 * 1111
const HAND_OVER = { queues: ['default'] }
const CLAIM = { ...BY, queue: 'default', limit: BATCH, takeOver: 'also' } as const
const ERROR = {
  errorType: 'cancelled',
  code: 'cancelled',
  message: 'cancelled',
  isRetryable: false,
  isInternal: false,
} as const

/** Calls every verb of a storage, the one after the other, and notes what each did. */
export class EveryVerb {
  private readonly calls: WatchedCall[] = []
  private readonly storage: TaskExecutionsStorage
  private readonly take: TakeStatements
  /** What the ids of new rows begin with. */
  private readonly prefix: string

  constructor(storage: TaskExecutionsStorage, take: TakeStatements, prefix: string) {
    this.storage = storage
    this.take = take
    this.prefix = prefix
  }

  /** Calls them all; it takes {@link READY_ROWS}. */
  async call(): Promise<readonly WatchedCall[]> {
    await this.claims()
    await this.inserts()
    await this.settles()
    await this.holds()
    await this.reads()
    await this.ends()
    return this.calls
  }

  private async note<T>(verb: string, rows: number, call: () => Promise<T>): Promise<T> {
    this.take()
    const answer = await call()
    this.calls.push({ verb, rows, statements: this.take() })
    return answer
  }

  private ids(kind: string, count = BATCH): string[] {
    return Array.from({ length: count }, (_, index) => `${this.prefix}_${kind}_${index}`)
  }

  /** Without a low-water mark: from the very first row of the queue. */
  private async claims(): Promise<void> {
    const kinds: readonly Pick<ClaimRequest, 'takeOver' | 'exceptTaskIds'>[] = [
      { takeOver: 'also' },
      { takeOver: 'never' },
      { takeOver: 'also', exceptTaskIds: ['another', 'one more'] },
    ]
    for (const limit of CLAIM_LIMITS) {
      for (const kind of kinds) {
        const request = { ...CLAIM, ...kind, limit, suspects: 'exclude' } as const
        const { records } = await this.note('claim', limit, () => this.storage.claim(request))
        if (records.length !== limit) throw new Error(`claimed ${records.length} of ${limit}`)
      }
    }
    // What lapsed behind a backlog is looked for in a range of time only.
    const past = { ...CLAIM, takeOver: 'only', from: NOW - 1000 } as const
    await this.note('claim what lapsed', 0, () =>
      this.storage.claim({ ...past, suspects: 'exclude' }),
    )
    await this.note('claim a suspect', 0, () => this.storage.claim({ ...past, suspects: 'only' }))
  }

  private async inserts(): Promise<void> {
    const alone = this.ids('alone').map((executionId) =>
      newExecution({ executionId, queue: 'another' }),
    )
    await this.note('insert', BATCH, () => this.storage.insert({ executions: alone, ...BY }))
    await this.note('insert again', BATCH, () => this.storage.insert({ executions: alone, ...BY }))
    const sleepers = this.ids('sleeper').map((id) => newSleeper(id, `key ${id}`))
    await this.note('insert sleepers', BATCH, () =>
      this.storage.insert({ executions: sleepers, ...BY }),
    )
    const taken = this.ids('refused').map((id, index) =>
      newSleeper(id, sleepers[index]?.sleepingKey ?? ''),
    )
    await this.note('insert taken keys', BATCH, () =>
      this.storage.insert({ executions: taken, ...BY }),
    )
  }

  /** Roots that end; roots that wait for children; children that end, each followed by the next. */
  private async settles(): Promise<void> {
    const roots = await this.started('root')
    await this.settle('settle', roots.slice(0, 50), (row) =>
      settlementOf(row, transitions.complete(row, '1')),
    )
    const parents = roots.slice(50)
    const children = parents.map((row) =>
      childOf(row, 0, { executionId: `${row.executionId}_child`, start: 'claimed' }),
    )
    await this.settle('settle parents', parents, (row, index) =>
      settlementOf(row, transitions.waitForChildren(row, '1'), children.slice(index, index + 1)),
    )
    const steps = await this.get(children)
    const next = parents.map((row) =>
      childOf(row, 1, { executionId: `${row.executionId}_next`, start: 'claimed' }),
    )
    await this.settle('settle a step', steps, (row, index) =>
      settlementOf(row, transitions.complete(row, '1'), next.slice(index, index + 1)),
    )
    const last = await this.get(next)
    const settlement = (row: ExecutionRecord) => settlementOf(row, transitions.complete(row, '1'))
    await this.settle('settle the last children', last, settlement)
    await this.settle('settle again', last, settlement)
  }

  private async settle(
    verb: string,
    rows: readonly ExecutionRecord[],
    settlement: (row: ExecutionRecord, index: number) => Settlement,
  ): Promise<void> {
    const settlements = rows.map(settlement)
    await this.note(verb, rows.length, () =>
      this.storage.settle({ settlements, handOver: HAND_OVER, ...BY }),
    )
  }

  private async holds(): Promise<void> {
    const claims = (await this.started('held')).map(({ executionId, claimCount }) => ({
      executionId,
      claimCount,
    }))
    const { leaseMs, now } = BY
    await this.note('renew', BATCH, () => this.storage.renew({ claims, leaseMs, now }))
    await this.note('lostClaims', BATCH, () => this.storage.lostClaims({ claims, now }))
    const from = NOW + BY.leaseMs - 100
    // What was claimed and started above.
    await this.note('recover', READY_ROWS + 4 * BATCH, () =>
      this.storage.recover({ ...BY, queues: ['default'], exceptExecutionIds: [], from }),
    )
    const released = claims.map((claim) => ({ ...claim, dueInMs: 1_000_000 }))
    await this.note('release', BATCH, () => this.storage.release({ claims: released, now }))
  }

  private async reads(): Promise<void> {
    const executionIds = Array.from({ length: BATCH }, (_, index) => `finished_${index}`)
    await this.note('get', BATCH, () => this.storage.get({ executionIds }))
    await this.note('getChildren', 3, () =>
      this.storage.getChildren({ parentExecutionId: 'finished_10', limit: BATCH }),
    )
    const queues = ['default', 'another']
    await this.note('nextClaimAt', 2, () => this.storage.nextClaimAt({ queues, now: NOW }))
  }

  private async ends(): Promise<void> {
    const [first = '', ...others] = this.ids('sleeper')
    const outcome = { status: 'completed', output: '1' } as const
    for (const verb of ['wake', 'wake again']) {
      await this.note(verb, 1, () =>
        this.storage.wake({ sleepingKey: `key ${first}`, outcome, handOver: null, ...BY }),
      )
    }
    const roots = this.ids('root').slice(50)
    await this.note('cancel', 150, () =>
      this.storage.cancel({ executionIds: [...others, ...roots], error: ERROR, now: NOW }),
    )
    const { cursor } = await this.note('prune', 100, () =>
      this.storage.prune({ finishedBefore: NOW, limit: 100, now: NOW }),
    )
    if (cursor === null) return
    await this.note('prune on', 100, () =>
      this.storage.prune({ finishedBefore: NOW, limit: 100, cursor, now: NOW }),
    )
  }

  private async started(kind: string): Promise<ExecutionRecord[]> {
    const executions = this.ids(kind).map((executionId) =>
      newExecution({ executionId, start: 'claimed' }),
    )
    await this.storage.insert({ executions, ...BY })
    return this.get(executions)
  }

  private async get(executions: readonly NewExecution[]): Promise<ExecutionRecord[]> {
    const executionIds = executions.map(({ executionId }) => executionId)
    const { records } = await this.storage.get({ executionIds })
    return records.filter((record) => record !== null)
  }
}

/** Verbs that read all the rows they are about, whatever is in the table. */
const COUNTED = ['claim', 'renew', 'release']

/** What the calls did that they should not have: read the table row by row, or more of it than a call of its size may. */
export function findExcess(calls: readonly WatchedCall[]): string[] {
  return calls.flatMap(({ verb, rows, statements }) => {
    const most = mostRows(verb, rows)
    const sum = statements.reduce((all, { rowsRead }) => all + rowsRead, 0)
    return [
      // Else what is counted here are not the rows that were read.
      ...(COUNTED.includes(verb) && sum < rows ? [`${verb}: ${sum} of ${rows} rows read`] : []),
      ...statements.flatMap(({ name, rowsRead, scans }) => [
        ...scans.map((scan) => `${verb}: ${scan} in ${name}`),
        ...(rowsRead > most ? [`${verb}, of ${rows} rows: ${rowsRead} read by ${name}`] : []),
      ]),
    ]
  })
}

/**
 * A claim may read twice the rows it takes. Others read rows with their parents and their children; a settle in one statement reads
 * five a row, root, row and parent to lock them, row and parent to write them; and lists are filled up to a power of two. What matters
 * is that it is no share of the table.
 */
function mostRows(verb: string, rows: number): number {
  return verb === 'claim' ? 2 * rows : 5 * rows + 20
}
