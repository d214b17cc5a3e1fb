/** One SQLite file, the processes on it, and a client in the test's own process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import {
  childTask,
  DurableExecutor,
  type ExecutionRecord,
  type TaskExecutionHandle,
} from 'durable-execution'
import { findViolations } from 'durable-execution-storage-test-utils'
import { expect, vi } from 'vitest'

import { openMigrated, type Driver, type TestDatabase } from '../databases'
import { killAll, Worker } from './child-process'
import { defineTasks, readRuns, type Run, type Tasks } from './tasks'
import type { WorkerSettings } from './worker'

/** Generous: what is waited for takes seconds at the most, also on a machine that does other things. */
const PATIENCE_MS = 60_000

/** Resolves when the condition holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await condition())) throw new Error(`Waited in vain until ${what}`)
    },
    { timeout: PATIENCE_MS, interval: 20 },
  )
}

/** What a test with several processes works with. */
export class Scene {
  readonly client: DurableExecutor<unknown>
  readonly tasks: Tasks
  private readonly driver: Driver
  private readonly directory: string
  private readonly database: TestDatabase

  private constructor(driver: Driver, directory: string, database: TestDatabase) {
    this.driver = driver
    this.directory = directory
    this.database = database
    this.client = new DurableExecutor(database.storage, { logLevel: 'silent', pollIntervalMs: 50 })
    this.tasks = defineTasks(this.client, {
      name: 'client',
      behaviour: 'work',
      runsFile: this.path('runs'),
      releaseFile: this.path('release'),
    })
  }

  /** Calls `use` with a new file; when it is over, every execution must have ended. */
  static async with(driver: Driver, use: (scene: Scene) => Promise<void>): Promise<void> {
    await Scene.withDirectory(async (directory) => {
      const database = await openMigrated(driver, path.join(directory, 'executions.db'))
      const scene = new Scene(driver, directory, database)
      try {
        await use(scene)
        await scene.expectAllEnded()
      } finally {
        await scene.client.shutdown()
        database.close()
      }
    })
  }

  /** Calls `use` with a new folder, and ends all processes and removes the folder when it is over. */
  static async withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
    const directory = mkdtempSync(path.join(tmpdir(), 'durable-execution-processes-'))
    try {
      await use(directory)
    } finally {
      await killAll()
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    }
  }

  /** Starts a process with an executor. */
  worker(name: string, parts: Partial<WorkerSettings> = {}): Worker {
    return new Worker({
      name,
      behaviour: 'work',
      runsFile: this.path('runs'),
      releaseFile: this.path('release'),
      driverName: this.driver.name,
      file: this.path('executions.db'),
      graceMs: 5000,
      ...parts,
      executor: { maxConcurrentTaskExecutions: 10, ...parts.executor },
    })
  }

  /** Starts a process, and resolves when its executor takes work. */
  async startedWorker(name: string, parts: Partial<WorkerSettings> = {}): Promise<Worker> {
    const worker = this.worker(name, parts)
    await until(`${name} has started`, () => {
      if (worker.errors !== '') throw new Error(worker.errors)
      return worker.count('executor_started') === 1
    })
    return worker
  }

  /** Enqueues this many executions of `work`. */
  async enqueueWork(count: number, queue = 'default'): Promise<TaskExecutionHandle<string>[]> {
    const indexes = Array.from({ length: count }, (_, index) => index)
    return this.client.enqueueTasks(
      indexes.map((index) => childTask(this.tasks.work, index, { queue })),
    )
  }

  /** Lets functions that ignore their signals end. */
  release(): void {
    writeFileSync(this.path('release'), '')
  }

  /** Every run of a function, by whatever process. */
  runs(): Run[] {
    return readRuns(this.path('runs'))
  }

  rows(): Promise<ExecutionRecord[]> {
    return this.database.rows()
  }

  /** The rows that a process holds now. */
  async heldBy({ name }: Worker): Promise<ExecutionRecord[]> {
    const rows = await this.rows()
    return rows.filter(({ executorId }) => executorId?.startsWith(`${name}:`) === true)
  }

  private async expectAllEnded(): Promise<void> {
    const rows = await this.rows()
    expect(findViolations(rows)).toEqual([])
    expect(rows.filter(({ finishedAt }) => finishedAt === null)).toEqual([])
  }

  private path(name: string): string {
    return path.join(this.directory, name)
  }
}
