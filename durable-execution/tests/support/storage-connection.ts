/** One executor's way to a storage, which a test can disturb: fail calls, lose their answers, hold them up, cut it off. */
import type { StorageListener } from '../../src/storage/listener'
import type { TaskExecutionsStorage } from '../../src/storage/storage'

/** The verbs of a storage that are calls. */
export type Verb = Exclude<keyof TaskExecutionsStorage, 'listen'>

/** The request of a verb. */
export type RequestOf<TVerb extends Verb> = Parameters<TaskExecutionsStorage[TVerb]>[0]

/** What becomes of a call: `pass` hands it to the storage. */
export type Fault = <T>(pass: () => Promise<T>) => Promise<T>

interface Disturbance {
  readonly verb: Verb
  readonly fault: Fault
  readonly concerns: (request: unknown) => boolean
  timesLeft: number
}

/** The call does not get through. */
export function fails(error: unknown = new Error('Connection refused')): Fault {
  return () => Promise.reject(error instanceof Error ? error : new Error(String(error)))
}

/** The storage does what it is asked, but its answer does not come back. */
export const losesAnswer: Fault = async (pass) => {
  await pass()
  throw new Error('Connection reset')
}

/** Neither the call gets through, nor does anything come back. */
export const hangs: Fault = () => new Promise(() => {})

/** The call waits for this before it gets through. */
export function isHeldBefore(gate: Promise<unknown>): Fault {
  return async (pass) => {
    await gate
    return pass()
  }
}

/** The call gets through, and its answer waits for this. */
export function isHeldAfter(gate: Promise<unknown>): Fault {
  return async (pass) => {
    const answer = await pass()
    await gate
    return answer
  }
}

/** A storage behind a connection that can be disturbed. */
export class StorageConnection implements TaskExecutionsStorage {
  private readonly storage: TaskExecutionsStorage
  private readonly disturbances: Disturbance[] = []
  private cutFault: Fault | null = null
  /** Calls that were made, by verb, whether or not they got through. */
  readonly calls = new Map<Verb, number>()

  /** Only where the connection pushes. */
  listen?: NonNullable<TaskExecutionsStorage['listen']>
  /** What becomes of hints: `pass` hands one on. */
  hintFault: (pass: () => void) => void = (pass) => {
    pass()
  }
  /** How many subscriptions are open. */
  listening = 0

  private underWay = 0
  private most = 0
  private listener: StorageListener | null = null

  constructor(storage: TaskExecutionsStorage) {
    this.storage = storage
  }

  /** From now on executors may subscribe to hints. */
  push(): void {
    this.listen = async (listener) => {
      const hint = (tell: () => void): void => {
        this.hintFault(tell)
      }
      const subscription = await this.storage.listen?.({
        onDue: (...due) => {
          hint(() => {
            listener.onDue(...due)
          })
        },
        onFinished: (ids) => {
          hint(() => {
            listener.onFinished(ids)
          })
        },
        onCancelled: (ids) => {
          hint(() => {
            listener.onCancelled(ids)
          })
        },
        onListening: listener.onListening,
      })
      this.listening += 1
      this.listener = listener
      return {
        awaitFinished: () => subscription?.awaitFinished(),
        close: async () => {
          this.listening -= 1
          await subscription?.close()
        },
      }
    }
  }

  /** The subscription is lost, or comes back. */
  tellListening(isListening: boolean): void {
    this.listener?.onListening(isListening)
  }

  /** Disturbs the next calls of a verb that a request concerns. */
  disturb<TVerb extends Verb>(
    verb: TVerb,
    fault: Fault,
    of: { times?: number; when?: (request: RequestOf<TVerb>) => boolean } = {},
  ): void {
    const concerns = (of.when ?? (() => true)) as (request: unknown) => boolean
    this.disturbances.push({ verb, fault, concerns, timesLeft: of.times ?? 1 })
  }

  /** From now on no call gets through, until the connection is mended. By default calls hang: the executor might as well be dead. */
  cut(fault: Fault = hangs): void {
    this.cutFault = fault
  }

  mend(): void {
    this.cutFault = null
  }

  countOf(verb: Verb): number {
    return this.calls.get(verb) ?? 0
  }

  /** The most calls that were under way at once. */
  get mostAtOnce(): number {
    return this.most
  }

  insert(request: RequestOf<'insert'>): ReturnType<TaskExecutionsStorage['insert']> {
    return this.pass('insert', request, () => this.storage.insert(request))
  }

  get(request: RequestOf<'get'>): ReturnType<TaskExecutionsStorage['get']> {
    return this.pass('get', request, () => this.storage.get(request))
  }

  getChildren(request: RequestOf<'getChildren'>): ReturnType<TaskExecutionsStorage['getChildren']> {
    return this.pass('getChildren', request, () => this.storage.getChildren(request))
  }

  claim(request: RequestOf<'claim'>): ReturnType<TaskExecutionsStorage['claim']> {
    return this.pass('claim', request, () => this.storage.claim(request))
  }

  settle(request: RequestOf<'settle'>): ReturnType<TaskExecutionsStorage['settle']> {
    return this.pass('settle', request, () => this.storage.settle(request))
  }

  renew(request: RequestOf<'renew'>): ReturnType<TaskExecutionsStorage['renew']> {
    return this.pass('renew', request, () => this.storage.renew(request))
  }

  lostClaims(request: RequestOf<'lostClaims'>): ReturnType<TaskExecutionsStorage['lostClaims']> {
    return this.pass('lostClaims', request, () => this.storage.lostClaims(request))
  }

  recover(request: RequestOf<'recover'>): ReturnType<TaskExecutionsStorage['recover']> {
    return this.pass('recover', request, () => this.storage.recover(request))
  }

  release(request: RequestOf<'release'>): ReturnType<TaskExecutionsStorage['release']> {
    return this.pass('release', request, () => this.storage.release(request))
  }

  wake(request: RequestOf<'wake'>): ReturnType<TaskExecutionsStorage['wake']> {
    return this.pass('wake', request, () => this.storage.wake(request))
  }

  cancel(request: RequestOf<'cancel'>): ReturnType<TaskExecutionsStorage['cancel']> {
    return this.pass('cancel', request, () => this.storage.cancel(request))
  }

  nextClaimAt(request: RequestOf<'nextClaimAt'>): ReturnType<TaskExecutionsStorage['nextClaimAt']> {
    return this.pass('nextClaimAt', request, () => this.storage.nextClaimAt(request))
  }

  prune(request: RequestOf<'prune'>): ReturnType<TaskExecutionsStorage['prune']> {
    return this.pass('prune', request, () => this.storage.prune(request))
  }

  private async pass<T>(verb: Verb, request: unknown, pass: () => Promise<T>): Promise<T> {
    this.underWay += 1
    this.most = Math.max(this.most, this.underWay)
    try {
      return await this.passDisturbed(verb, request, pass)
    } finally {
      this.underWay -= 1
    }
  }

  private passDisturbed<T>(verb: Verb, request: unknown, pass: () => Promise<T>): Promise<T> {
    this.calls.set(verb, this.countOf(verb) + 1)
    if (this.cutFault) return this.cutFault(pass)
    const disturbance = this.disturbances.find(
      (next) => next.verb === verb && next.timesLeft > 0 && next.concerns(request),
    )
    if (!disturbance) return pass()
    disturbance.timesLeft -= 1
    return disturbance.fault(pass)
  }
}
