/** `listen` tells what calls made due, finished and cancelled. Hints may say too much; these are the ones that must not be missing. */
import {
  AWAITED_MS,
  SOON_MS,
  type StorageListener,
  type StorageSubscription,
} from 'durable-execution'

import { casesOf, type ConformanceCase } from '../case'
import type { ConformanceContext } from '../context'
import { newExecution } from '../factory'
import { present, same } from '../lib/same'
import { systemClock, until } from '../lib/until'
import {
  allStarted,
  asleep,
  completed,
  completion,
  deepTree,
  named,
  started,
  waitingParent,
} from '../scenes'

/** What a listener was told. */
class Heard implements StorageListener {
  isListening = false
  readonly due: { readonly queues: readonly string[] | null; readonly inMs: number }[] = []
  private readonly finished: (readonly string[] | null)[] = []
  private readonly cancelled: (readonly string[] | null)[] = []

  readonly onDue = (queues: readonly string[] | null, inMs: number): void => {
    this.due.push({ queues, inMs })
  }

  readonly onFinished = (executionIds: readonly string[] | null): void => {
    this.finished.push(executionIds)
  }

  readonly onCancelled = (executionIds: readonly string[] | null): void => {
    this.cancelled.push(executionIds)
  }

  readonly onListening = (isListening: boolean): void => {
    this.isListening = isListening
  }

  /** How soon something in this queue is due, by what was told. */
  dueInMs(queue: string): number {
    const ofQueue = this.due.filter(({ queues }) => queues === null || queues.includes(queue))
    return Math.min(...ofQueue.map(({ inMs }) => inMs))
  }

  untilDue(queue: string): Promise<void> {
    return until(`it is told that ${queue} is due`, () => this.dueInMs(queue) <= SOON_MS)
  }

  hasFinished(executionId: string): boolean {
    return names(this.finished, executionId)
  }

  untilFinished(executionId: string): Promise<void> {
    return until(`it is told that ${executionId} finished`, () => this.hasFinished(executionId))
  }

  untilCancelled(executionId: string): Promise<void> {
    return until(`it is told that ${executionId} was cancelled`, () =>
      names(this.cancelled, executionId),
    )
  }

  /** What was told of finished and cancelled executions, and of queues. */
  get count(): number {
    return this.due.length + this.finished.length + this.cancelled.length
  }
}

function names(told: readonly (readonly string[] | null)[], executionId: string): boolean {
  return told.some((ids) => ids === null || ids.includes(executionId))
}

type Listens = Omit<ConformanceCase, 'verb' | 'run' | 'needs'> & {
  readonly run: (
    context: ConformanceContext,
    heard: Heard,
    subscription: StorageSubscription,
  ) => Promise<void>
}

/** How often work is done anew that took too long: a machine may stand still for a moment. */
const MOST_ROUNDS = 10

/**
 * Does work while finished executions are surely awaited, which ends of itself after a while: anew where it took longer than that.
 * Answers what it answered.
 */
async function whileAwaited<T>(
  context: ConformanceContext,
  { heard, subscription }: Subscribed,
  work: (round: number) => Promise<T>,
): Promise<T> {
  for (let round = 1; ; round += 1) {
    await untilAwaited(context, { heard, subscription }, round)
    const begunAt = systemClock.monotonic()
    subscription.awaitFinished()
    const answer = await work(round)
    if (systemClock.monotonic() - begunAt < AWAITED_MS / 2 || round === MOST_ROUNDS) return answer
  }
}

/** Until something that finished was told: then others are told too, for half of the time at least. */
async function untilAwaited(
  context: ConformanceContext,
  { heard, subscription }: Subscribed,
  round: number,
): Promise<void> {
  let count = 0
  let begunAt = -Infinity
  await until('it is told what finished', async () => {
    const executionId = `awaited_${round}_${(count += 1)}`
    begunAt = systemClock.monotonic()
    subscription.awaitFinished()
    await started(context, executionId)
    await completed(context, [executionId])
    const isTold = until('', () => heard.hasFinished(executionId), { limitMs: 500 })
    const wasTold = await isTold.then(
      () => true,
      () => false,
    )
    return wasTold && systemClock.monotonic() - begunAt < AWAITED_MS / 2
  })
}

interface Subscribed {
  readonly heard: Heard
  readonly subscription: StorageSubscription
}

async function subscribe(context: ConformanceContext): Promise<Subscribed> {
  const heard = new Heard()
  const subscription = present(await context.storage.listen?.(heard), 'subscription')
  await until('hints come', () => heard.isListening)
  subscription.awaitFinished()
  return { heard, subscription }
}

/** Cases with a listener. */
function listening(cases: readonly Listens[]): readonly Omit<ConformanceCase, 'verb'>[] {
  return cases.map(({ run, ...rest }) => ({
    ...rest,
    needs: ['listen'],
    async run(context) {
      const { heard, subscription } = await subscribe(context)
      try {
        await run(context, heard, subscription)
      } finally {
        await subscription.close()
      }
    },
  }))
}

/** The cases of `listen`. */
export const listenCases = casesOf(
  'listen',
  listening([
    {
      name: 'tells in which queue something is due now',
      async run(context, heard) {
        await context.insert([newExecution({ executionId: 'a', queue: 'mail' })])
        await heard.untilDue('mail')
        same(heard.dueInMs('mail'), 0, 'until it is due')
      },
    },
    {
      name: 'tells what is due soon, and when',
      async run(context, heard) {
        const sleepMsBeforeRun = SOON_MS / 2
        await context.insert([newExecution({ executionId: 'a', queue: 'mail', sleepMsBeforeRun })])
        await heard.untilDue('mail')
        const dueInMs = heard.dueInMs('mail')
        same(dueInMs > 0 && dueInMs <= sleepMsBeforeRun, true, `${dueInMs} ms until it is due`)
      },
    },
    {
      name: 'says nothing of rows that are inserted as claimed',
      async run(context, heard) {
        await started(context, 'a', { queue: 'claimed' })
        await context.insert([newExecution({ executionId: 'b', queue: 'ready' })])
        await heard.untilDue('ready')
        same(heard.dueInMs('claimed'), Infinity, 'until something in the queue claimed is due')
      },
    },
    {
      name: 'tells of what was released',
      async run(context, heard) {
        const [a] = await allStarted(context, 'a')
        await context.release([present(a, 'row a')])
        await heard.untilDue('default')
      },
    },
    {
      name: 'tells of a parent that has nothing to wait for any more, and was handed to nobody',
      async run(context, heard) {
        await waitingParent(context, 'p', named('c1', 'c2'))
        await completed(context, ['c1', 'c2'], { handOver: null })
        await heard.untilDue('default')
      },
    },
    {
      name: 'tells of a parent whose last child was cancelled',
      async run(context, heard) {
        await waitingParent(context, 'p', named('c'))
        await context.cancel(['c'])
        await heard.untilDue('default')
      },
    },
    {
      name: 'tells which executions finished while they are awaited: settled, or woken',
      async run(context, heard, subscription) {
        const told = await whileAwaited(context, { heard, subscription }, async (round) => {
          const [a, b, s] = [`a${round}`, `b${round}`, `s${round}`] as const
          await allStarted(context, a, b)
          await completed(context, [a, b])
          await asleep(context, s, `key${round}`)
          await context.wake(`key${round}`)
          return [a, b, s]
        })
        for (const executionId of told) await heard.untilFinished(executionId)
      },
    },
    {
      name: 'tells which executions were cancelled, with everything below them',
      async run(context, heard) {
        const executionIds = await deepTree(context, 4)
        const [root = ''] = executionIds
        await context.cancel([root])
        for (const executionId of executionIds) await heard.untilCancelled(executionId)
      },
    },
    {
      name: 'tells of a thousand at once',
      async run(context, heard, subscription) {
        const told = await whileAwaited(context, { heard, subscription }, async (round) => {
          const executionIds = Array.from({ length: 1000 }, (_, index) => `e${round}_${index}`)
          const executions = executionIds.map((executionId) =>
            newExecution({ executionId, start: 'claimed' }),
          )
          await context.insert(executions)
          const { records } = await context.storage.get({ executionIds })
          await context.settle(records.map((record) => completion(present(record, 'record'))))
          return executionIds
        })
        for (const executionId of told) await heard.untilFinished(executionId)
      },
    },
    {
      name: 'tells each of several listeners, and none any more after its end',
      async run(context, heard, subscription) {
        const other = await subscribe(context)
        await context.insert([newExecution({ executionId: 'a', queue: 'first' })])
        await Promise.all([heard.untilDue('first'), other.heard.untilDue('first')])
        await subscription.close()
        const before = heard.count
        await context.insert([newExecution({ executionId: 'b', queue: 'second' })])
        await other.heard.untilDue('second')
        same(heard.count, before, 'hints told after the end')
        await other.subscription.close()
      },
    },
  ]),
)
