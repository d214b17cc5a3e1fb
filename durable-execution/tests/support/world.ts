/** Executors over one storage, on virtual time: each with a connection of its own that a test can disturb. */
import { onTestFinished } from 'vitest'

import { DurableExecutor } from '../../src/executor'
import { createDeferred } from '../../src/lib/deferred'
import type { Logger } from '../../src/logger'
import type { DurableExecutorOptions } from '../../src/options'
import type { ExecutorEvent, ExecutorEventType } from '../../src/runtime/events'
import { InMemoryTaskExecutionsStorage } from '../../src/storage/in-memory'
import { isHeldBefore, StorageConnection } from './storage-connection'
import { VirtualEnvironment } from './virtual-environment'

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** An executor of a world. */
export interface Member {
  readonly executor: DurableExecutor
  readonly connection: StorageConnection
  readonly events: ExecutorEvent[]
  /** Stops its process, as SIGSTOP does: neither timers nor answers get through to it. */
  readonly stop: () => void
  /** Lets its process go on. */
  readonly continue: () => void
}

/** A storage with its executors. */
export class World {
  readonly environment = new VirtualEnvironment()
  readonly storage = new InMemoryTaskExecutionsStorage({ now: () => this.environment.now() })
  private readonly members: Member[] = []
  private readonly pushes: boolean

  /** @param options - `pushes`: whether executors get hints. */
  constructor({ pushes = false }: { pushes?: boolean } = {}) {
    this.pushes = pushes
  }

  /** Adds an executor. It is not started. */
  add(options: DurableExecutorOptions = {}, wallClockOffByMs = 0): Member {
    const events: ExecutorEvent[] = []
    const connection = new StorageConnection(this.storage)
    if (this.pushes) connection.push()
    const environment = this.environment.withWallClockOffBy(wallClockOffByMs)
    const executor = new DurableExecutor(
      connection,
      { logger: silentLogger, onEvent: (event) => events.push(event), ...options },
      environment,
    )
    let stopped = createDeferred<void>()
    const member: Member = {
      executor,
      connection,
      events,
      stop: () => {
        stopped = createDeferred<void>()
        environment.stop()
        connection.cut(isHeldBefore(stopped.promise))
      },
      continue: () => {
        connection.mend()
        environment.continue()
        stopped.resolve()
      },
    }
    this.members.push(member)
    return member
  }

  /** Adds an executor and starts it. Tasks may still be defined. */
  async start(options: DurableExecutorOptions = {}): Promise<Member> {
    const member = this.add(options)
    await this.environment.until(member.executor.start())
    return member
  }

  /** Lets time pass until the promise settles. */
  until<T>(promise: Promise<T>, withinMs?: number): Promise<T> {
    return this.environment.until(promise, withinMs)
  }

  /** Shuts everything down. */
  async end(): Promise<void> {
    for (const { executor, continue: goOn } of this.members) {
      goOn()
      await this.environment.until(executor.shutdown({ graceMs: 0 }))
    }
  }
}

/** Makes a world that ends with the test. */
export function createWorld(options: { pushes?: boolean } = {}): World {
  const world = new World(options)
  onTestFinished(() => world.end())
  return world
}

/** The events of one type. */
export function eventsOf<TType extends ExecutorEventType>(
  events: readonly ExecutorEvent[],
  type: TType,
): Extract<ExecutorEvent, { type: TType }>[] {
  return events.filter(
    (event): event is Extract<ExecutorEvent, { type: TType }> => event.type === type,
  )
}
