/** The pushing half of the storage: which hints are sent, how, and who hears them. */
import {
  delay,
  type Environment,
  type StorageListener,
  type StorageSubscription,
} from 'durable-execution'

import type { SqlRow } from '../row'
import type { Driver, Query } from './driver'
import { classify } from './errors'
import { Hints } from './hints'
import { Listening } from './listening'
import { Outbox } from './outbox'
import { read, type Program, type Step } from './program'
import type { Session } from './session'

/** A call over the pool may take so long, in milliseconds. */
const LIMIT_MS = 5000

/** The channel of a table: by its number, so that tables of one name in two schemas have two, and whatever the length of the name. */
function channelOf(place: string): string {
  return `'durable_execution_' || to_regclass(${place})::oid::text`
}

const CHANNEL = `SELECT ${channelOf('$1')}`
/** Nothing where the table is gone by now: it has no channel, which PostgreSQL would refuse, and nobody to hear it. */
const NOTIFY = `SELECT pg_notify(channel, $2) FROM (${CHANNEL} AS channel) AS named WHERE channel IS NOT NULL`

/** What a push needs. */
export interface PushOptions {
  readonly driver: Driver
  readonly environment: Environment
  readonly session: () => Session
  readonly tableName: string
}

/** Hints of one storage. */
export class Push {
  private readonly environment: Environment
  private readonly session: () => Session
  private readonly regclass: string
  private readonly outbox: Outbox
  private readonly listening: Listening
  /** Whether the database takes notifications; `null`: not known yet. */
  private isTaken: boolean | null = null
  private hasWarned = false

  constructor({ driver, environment, session, tableName }: PushOptions) {
    this.environment = environment
    this.session = session
    this.regclass = `"${tableName}"`
    this.outbox = new Outbox(environment, (payload) => this.send(payload))
    this.listening = new Listening({
      driver,
      environment,
      query: (query) => this.ask(query),
      channelQuery: { text: CHANNEL, params: [this.regclass], name: null },
      onUseless: (why) => {
        this.warn(why)
      },
      onAwaitFinished: () => {
        const hints = new Hints()
        hints.noteAwaited()
        this.outbox.add(hints)
      },
    })
  }

  listen(listener: StorageListener): Promise<StorageSubscription> {
    return Promise.resolve(this.listening.subscribe(listener))
  }

  /** Something was written. */
  written(hints: Hints): void {
    if (this.isTaken === false) return
    if (!this.listening.isAwaited) hints.hideFinished('all')
    // Many who can't hear whether anybody waits would name every execution in vain.
    else if (!this.listening.isLive) hints.hideFinished('names')
    this.outbox.add(hints)
  }

  /** The statement that sends hints inside a transaction of the user. */
  stepFor(hints: Hints): Step {
    return read(NOTIFY, [this.regclass, hints.encode()])
  }

  /** Whether the database is known to take notifications, `null` if that is to be found out. */
  get works(): boolean | null {
    return this.isTaken
  }

  /** A notification was taken. */
  taken(): void {
    this.isTaken = true
  }

  /** A notification was refused; those of a connection that is lost say nothing. */
  refused(error: unknown): void {
    if (classify(error) !== 'refused') return
    this.isTaken = false
    this.warn(error instanceof Error ? error.message : String(error))
  }

  private async send(payload: string): Promise<void> {
    try {
      if (await this.listening.send(payload)) return
      await this.ask({ text: NOTIFY, params: [this.regclass, payload], name: null })
      this.taken()
    } catch (error) {
      this.refused(error)
    }
  }

  /** Over the pool. */
  private async ask({ text, params }: Query): ReturnType<Driver['query']> {
    const limit = new AbortController()
    const done = new AbortController()
    void delay(this.environment, LIMIT_MS, done.signal).then(() => {
      limit.abort()
    })
    try {
      return await this.session().run({
        program: () => single(read(text, params)),
        isTransaction: false,
        isRepeatable: false,
        signal: limit.signal,
      })
    } finally {
      done.abort()
    }
  }

  private warn(why: string): void {
    if (this.hasWarned) return
    this.hasWarned = true
    process.emitWarning(
      `Executors hear nothing of one another and poll instead: ${why}. Give the storage a direct connection, or set notify: false to say so from the beginning`,
      { type: 'DurableExecutionWarning', code: 'DURABLE_EXECUTION_NO_PUSH' },
    )
  }
}

function* single(step: Step): Program<readonly SqlRow[]> {
  return yield step
}
