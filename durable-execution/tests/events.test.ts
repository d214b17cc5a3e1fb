/** What an executor tells, and that nobody who listens can harm it. */
import { describe, expect, it, vi } from 'vitest'

import type { ExecutorEvent, Logger } from '../src/index'
import { describeEvent, Events } from '../src/runtime/events'
import { createWorld, silentLogger } from './support/world'

/** A logger that keeps its lines. */
function createRecorder(): { logger: Logger; lines: string[] } {
  const lines: string[] = []
  const at = (level: string) => (message: string) => {
    lines.push(`${level}: ${message}`)
  }
  return {
    logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    lines,
  }
}

const OF = { taskId: 'task', executionId: 'te_1' }

/** Of every event: what is said of it, and how loudly. */
const EVENTS: [ExecutorEvent, string][] = [
  [{ type: 'executor_started', executorId: 'de_1' }, 'info: Executor de_1 started'],
  [
    { type: 'executor_stopping', runningCount: 3 },
    'info: Executor stopping with 3 executions running',
  ],
  [{ type: 'executor_stopped', executorId: 'de_1' }, 'info: Executor de_1 stopped'],
  [
    { type: 'execution_started', attempt: 2, ...OF },
    'debug: Execution te_1 of task started attempt 2',
  ],
  [
    { type: 'execution_settled', status: 'completed', ...OF },
    'debug: Execution te_1 of task is completed',
  ],
  [
    { type: 'execution_retried', attempt: 1, delayMs: 50, message: 'no', ...OF },
    'debug: Execution te_1 of task failed and starts attempt 1 in 50 ms: no',
  ],
  [
    { type: 'execution_taken_over', takeovers: 2, ...OF },
    'warn: Execution te_1 of task lost its executor and was taken over (2 in this attempt)',
  ],
  [
    { type: 'execution_released', reason: 'shutdown', ...OF },
    'debug: Execution te_1 of task was given back: shutdown',
  ],
  [
    { type: 'claim_lost', reason: 'cancelled', ...OF },
    'info: Execution te_1 of task is no longer ours: cancelled',
  ],
  [
    { type: 'result_dropped', ...OF },
    'warn: Execution te_1 of task ended after its claim was lost: its result is dropped',
  ],
  [
    { type: 'result_refused', message: 'too long', ...OF },
    'error: Execution te_1 of task has a result that the storage refuses: too long',
  ],
  [
    { type: 'unknown_task', taskId: 'task' },
    'warn: Task task is not defined on this executor: its executions are left for others',
  ],
  [
    { type: 'storage_away', message: 'refused' },
    'error: Storage is away, trying again until it answers: refused',
  ],
  [{ type: 'storage_back', awayMs: 12.4 }, 'info: Storage answers again after 12 ms'],
  [
    { type: 'background_error', job: 'sweep', message: 'no' },
    'error: sweep failed and is tried again: no',
  ],
]

describe('an event', () => {
  it.each(EVENTS)('of type $type is said in words, at its level', (event, line) => {
    const { logger, lines } = createRecorder()
    new Events(logger, 'debug', null).emit(event)
    expect(lines).toEqual([line])
    expect(line.endsWith(describeEvent(event))).toBe(true)
  })

  it.each([
    ['silent', 0],
    ['error', 3],
    ['warn', 6],
    ['info', 11],
    ['debug', 15],
  ] as const)('is logged from the level %s upwards, and told to every listener', (level, count) => {
    const { logger, lines } = createRecorder()
    const told: ExecutorEvent[] = []
    const own: ExecutorEvent[] = []
    const events = new Events(logger, level, (event) => told.push(event))
    events.listen((event) => own.push(event))
    for (const [event] of EVENTS) events.emit(event)
    expect(lines).toHaveLength(count)
    expect(told).toEqual(EVENTS.map(([event]) => event))
    expect(own).toEqual(told)
  })
})

describe('a listener that throws', () => {
  it('is logged, harms no other listener, and changes nothing', async () => {
    const { logger, lines } = createRecorder()
    const world = createWorld()
    const onEvent = vi.fn(() => {
      throw new Error('listener is broken')
    })
    const { executor } = world.add({ logger, onEvent })
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 1 },
      run: (ctx) => {
        if (ctx.attempt === 0) throw new Error('once')
        return 'done'
      },
    })
    await world.until(executor.start())
    const handle = await executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('done')
    expect(onEvent.mock.calls.length).toBeGreaterThanOrEqual(4)
    expect(lines).toContain('error: onEvent failed on execution_started: listener is broken')
    expect(executor.getStats().outcomes).toEqual({ ready: 1, completed: 1 })
    await world.until(executor.shutdown())
  })
})

describe('a logger that throws', () => {
  it('changes nothing', async () => {
    const world = createWorld()
    const fail = vi.fn(() => {
      throw new Error('disk full')
    })
    const logger = { debug: fail, info: fail, warn: fail, error: fail }
    const { executor } = world.add({ logger, logLevel: 'debug', onEvent: fail })
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 'done' })
    await world.until(executor.start())
    const handle = await executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('done')
    await world.until(executor.shutdown())
    expect(fail).toHaveBeenCalled()
  })
})

describe('an executor', () => {
  it('tells of an outage once, and of its end', async () => {
    const { logger, lines } = createRecorder()
    const world = createWorld()
    const { connection, executor } = world.add({ logger, onEvent: undefined })
    await world.until(executor.start())
    connection.cut(() => Promise.reject(new Error('connection refused')))
    await world.environment.advanceBy(60_000)
    connection.mend()
    await world.environment.advanceBy(10_000)
    expect(lines.filter((line) => line.includes('Storage'))).toEqual([
      'error: Storage is away, trying again until it answers: connection refused',
      expect.stringMatching(/^info: Storage answers again after 6\d{4} ms$/),
    ])
  })

  it('tells of its first outage before the start too', async () => {
    const { logger, lines } = createRecorder()
    const world = createWorld()
    const { connection, executor } = world.add({ logger })
    connection.cut(() => Promise.reject(new Error('connection refused')))
    const started = executor.start()
    await world.environment.advanceBy(1000)
    expect(lines).toHaveLength(1)
    connection.mend()
    await world.until(started)
  })

  it('says nothing with a logger that says nothing', () => {
    expect(Object.values(silentLogger).map((log: (m: string) => void) => log('x'))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})
