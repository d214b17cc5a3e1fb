/** Executors with functions running, whose way to the storage a test disturbs; and what must hold when it is over (G6). */
import {
  childTask,
  DurableExecutor,
  type ExecutionRecord,
  type ExecutorEvent,
  type ExecutorEventType,
  type Task,
  type TaskExecutionHandle,
  type TaskExecutionsStorage,
} from 'durable-execution'
import { findViolations } from 'durable-execution-storage-test-utils'
import { expect, vi } from 'vitest'

/** The shortest there is, so that an outage of two leases is short too. */
export const LEASE_MS = 1000

const LONG_MS = 600_000
const PATIENCE_MS = 30_000

/** Reads every row of a table. */
type ReadRows = () => Promise<ExecutionRecord[]>

/** Resolves when the condition holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const check = async (): Promise<void> => {
    if (!(await condition())) throw new Error(`Waited in vain until ${what}`)
  }
  await vi.waitFor(check, { timeout: PATIENCE_MS, interval: 10 })
}

/** A promise that others end. */
function createGate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Executors over storages that share a table. */
export class OutageScene {
  readonly events: ExecutorEvent[][] = []
  private readonly executors: DurableExecutor[] = []
  private readonly rows: ReadRows
  private readonly gate = createGate()
  private readonly runsOf = new Map<string, number>()
  private readonly handles: TaskExecutionHandle<unknown>[] = []
  private readonly held: Task<number, number>
  private readonly tree: Task<number, number>

  private constructor(
    storages: readonly TaskExecutionsStorage<unknown>[],
    rows: ReadRows,
    leaseMs: number,
  ) {
    this.rows = rows
    for (const storage of storages) this.add(storage, leaseMs)
    const [first] = this.executors.map((executor) => this.define(executor))
    if (!first) throw new Error('There is at least one executor')
    this.held = first.held
    this.tree = first.tree
  }

  /** Starts an executor over each of the storages. `rows` reads their table on a way that nothing disturbs. */
  static async start(
    storages: readonly TaskExecutionsStorage<unknown>[],
    rows: ReadRows,
    leaseMs = LEASE_MS,
  ): Promise<OutageScene> {
    const scene = new OutageScene(storages, rows, leaseMs)
    await Promise.all(scene.executors.map((executor) => executor.start()))
    return scene
  }

  /** How often something was told, by all executors together. */
  count(type: ExecutorEventType): number {
    return this.events.flat().filter((event) => event.type === type).length
  }

  /** How many functions have begun. */
  get runs(): number {
    return [...this.runsOf.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Enqueues functions that run until they are released, and waits until they do. */
  async hold(count: number): Promise<void> {
    const [executor] = this.executors
    const indexes = Array.from({ length: count }, (_, index) => index)
    const before = this.runs
    const handles = await executor?.enqueueTasks(
      indexes.map((index) => childTask(this.held, index)),
    )
    this.handles.push(...(handles ?? []))
    await until('all functions run', () => this.runs === before + count)
  }

  /** Lets the functions end. */
  release(): void {
    this.gate.open()
  }

  /** Enqueues trees until it is told to stop, so that every verb is under way when the storage goes away. */
  keepBusy(): { readonly stop: () => Promise<void> } {
    let isOver = false
    const enqueue = async (executor: DurableExecutor): Promise<void> => {
      while (!isOver) {
        this.handles.push(await executor.enqueueTask(this.tree, 2))
        // A driver that answers at once leaves no time for anything else.
        await new Promise(setImmediate)
      }
    }
    const loops = this.executors.map(enqueue)
    const stop = async (): Promise<void> => {
      isOver = true
      await Promise.all(loops)
    }
    return { stop }
  }

  /** Waits until every executor has said that its storage is away. */
  async untilAway(): Promise<void> {
    await until('every executor says that its storage is away', () =>
      this.events.every((events) => events.some(({ type }) => type === 'storage_away')),
    )
  }

  /** Everything that was enqueued has ended, ran once, is stored once, and nothing counted as a takeover. */
  async expectAllDoneOnce(): Promise<void> {
    await Promise.all(this.handles.map((handle) => handle.waitAndGetOutput()))
    const twice = [...this.runsOf].filter(([, count]) => count !== 1)
    expect(twice, 'functions that did not run once').toEqual([])
    const rows = await this.rows()
    expect(rows.length).toBeGreaterThanOrEqual(this.handles.length)
    expect(findViolations(rows)).toEqual([])
    const others = rows.filter(
      ({ status, takeovers, attempt }) =>
        status !== 'completed' || takeovers !== 0 || attempt !== 0,
    )
    expect(others, 'rows that are not completed at the first attempt').toEqual([])
    expect(this.count('execution_taken_over')).toBe(0)
    expect(this.count('result_refused')).toBe(0)
    expect(this.count('result_dropped')).toBe(0)
  }

  /** Each executor said once that the storage is away, and once that it is back. */
  async expectOneOutageTold(): Promise<void> {
    await until('every executor says that its storage is back', () =>
      this.events.every((events) => events.some(({ type }) => type === 'storage_back')),
    )
    for (const events of this.events) {
      const told = events.filter(({ type }) => type.startsWith('storage_'))
      expect(told.map(({ type }) => type)).toEqual(['storage_away', 'storage_back'])
    }
  }

  /** @param graceMs - How long results may still be stored. */
  async end(graceMs?: number): Promise<void> {
    this.release()
    await Promise.all(this.executors.map((executor) => executor.shutdown({ graceMs })))
  }

  private add(storage: TaskExecutionsStorage<unknown>, leaseMs: number): void {
    const events: ExecutorEvent[] = []
    this.events.push(events)
    this.executors.push(
      new DurableExecutor(storage, {
        leaseMs,
        logLevel: 'silent',
        pollIntervalMs: 50,
        onEvent: (event) => events.push(event),
      }),
    )
  }

  private define(executor: DurableExecutor): {
    held: Task<number, number>
    tree: Task<number, number>
  } {
    const ran = (executionId: string): void => {
      this.runsOf.set(executionId, (this.runsOf.get(executionId) ?? 0) + 1)
    }
    const held = executor.task({
      id: 'held',
      timeoutMs: LONG_MS,
      run: async ({ executionId }, index: number) => {
        ran(executionId)
        await this.gate.opened
        return index
      },
    })
    const leaf = executor.task({
      id: 'leaf',
      timeoutMs: LONG_MS,
      run: ({ executionId }, index: number) => {
        ran(executionId)
        return index
      },
    })
    const tree = executor.parentTask({
      id: 'tree',
      timeoutMs: LONG_MS,
      runParent: ({ executionId }, width: number) => {
        ran(executionId)
        const children = Array.from({ length: width }, (_, index) => childTask(leaf, index))
        return { output: width, children }
      },
      finalize: ({ children }) => children.length,
    })
    return { held, tree }
  }
}
