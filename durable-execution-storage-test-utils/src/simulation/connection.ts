/**
 * The way of one process to the storage. Requests and answers take time; they may be lost, before or after the storage did what it
 * was asked; the storage may be away. What is sent stays sent: it may arrive after its caller gave up or died.
 */
import type { StorageListener, StorageSubscription, TaskExecutionsStorage } from 'durable-execution'

import type { SeededRandom } from '../lib/random'
import type { SimulatedEar } from './hints'
import type { SimulatedProcess } from './process'

/** The verbs of a storage that are calls. */
export type CalledVerb = Exclude<keyof TaskExecutionsStorage, 'listen'>

/** What a storage that is away does with a call. */
export type Away = 'hangs' | 'fails'

/** How bad a network is. Chances are those of one call. */
export interface Noise {
  /** The longest a request and an answer usually take, in milliseconds. */
  readonly usualMs: number
  readonly slowChance: number
  /** The longest a slow one takes, in milliseconds. */
  readonly slowMs: number
  readonly lostRequestChance: number
  readonly lostAnswerChance: number
  readonly errorChance: number
}

/** A network without faults. */
export const CALM: Noise = {
  usualMs: 2,
  slowChance: 0,
  slowMs: 0,
  lostRequestChance: 0,
  lostAnswerChance: 0,
  errorChance: 0,
}

/** What becomes of a call. */
export interface Fate {
  readonly requestMs: number
  readonly answerMs: number
  /**
   * `lostRequest`, `lostAnswer`: nothing comes back. `error`: an error comes back, whether or not it was done. `repeated`: the
   * storage lost the answer of its database, and did it once more by itself.
   */
  readonly kind: 'passes' | 'lostRequest' | 'lostAnswer' | 'errorBefore' | 'errorAfter' | 'repeated'
}

/** What the storage and its way tell of a call: the simulation writes it down. */
export interface CallObserver {
  /** The storage does what it is asked. */
  serve(process: SimulatedProcess, verb: CalledVerb, request: unknown): Promise<unknown>
  /** A call was made, and is to fare so. `underWay`: how many of this process are, this one among them. */
  called(
    process: SimulatedProcess,
    verb: CalledVerb,
    request: unknown,
    fate: Fate,
    underWay: number,
  ): number
  /** A call came to its end: `answered`, `failed`, or `nothing` comes back. */
  ended(process: SimulatedProcess, call: number, end: string, isDisturbed: boolean): void
}

/** The storage as one process sees it. */
export class SimulatedConnection implements TaskExecutionsStorage {
  /** The network's own state, changed by the simulation. */
  noise: Noise = CALM
  /** Whether this connection alone is cut. */
  cut: Away | null = null
  /** Where hints come in; `null`: none do. */
  ear: SimulatedEar | null = null
  listen?: (listener: StorageListener) => Promise<StorageSubscription>
  private readonly process: SimulatedProcess
  private readonly random: SeededRandom
  private readonly observer: CallObserver
  private readonly isStorageAway: () => Away | null
  /** Calls that were neither answered nor given up: each takes a connection. */
  private underWay = 0

  constructor(
    process: SimulatedProcess,
    random: SeededRandom,
    observer: CallObserver,
    isStorageAway: () => Away | null,
  ) {
    this.process = process
    this.random = random
    this.observer = observer
    this.isStorageAway = isStorageAway
  }

  /** From now on the executor may subscribe to hints. */
  hearWith(ear: SimulatedEar): void {
    this.ear = ear
    this.listen = (listener) => ear.listen(listener)
  }

  insert(request: Request<'insert'>): Answer<'insert'> {
    return this.call('insert', request)
  }

  get(request: Request<'get'>): Answer<'get'> {
    return this.call('get', request)
  }

  getChildren(request: Request<'getChildren'>): Answer<'getChildren'> {
    return this.call('getChildren', request)
  }

  claim(request: Request<'claim'>): Answer<'claim'> {
    return this.call('claim', request)
  }

  settle(request: Request<'settle'>): Answer<'settle'> {
    return this.call('settle', request)
  }

  renew(request: Request<'renew'>): Answer<'renew'> {
    return this.call('renew', request)
  }

  lostClaims(request: Request<'lostClaims'>): Answer<'lostClaims'> {
    return this.call('lostClaims', request)
  }

  recover(request: Request<'recover'>): Answer<'recover'> {
    return this.call('recover', request)
  }

  release(request: Request<'release'>): Answer<'release'> {
    return this.call('release', request)
  }

  wake(request: Request<'wake'>): Answer<'wake'> {
    return this.call('wake', request)
  }

  cancel(request: Request<'cancel'>): Answer<'cancel'> {
    return this.call('cancel', request)
  }

  nextClaimAt(request: Request<'nextClaimAt'>): Answer<'nextClaimAt'> {
    return this.call('nextClaimAt', request)
  }

  prune(request: Request<'prune'>): Answer<'prune'> {
    return this.call('prune', request)
  }

  /** A verb gets its own answer: only here that is not known to the types. */
  private call<TVerb extends CalledVerb>(verb: TVerb, request: Request<TVerb>): Answer<TVerb> {
    return new Promise<unknown>((resolve, reject) => {
      const { process } = this
      if (!process.reachesOut()) return
      const fate = this.fate()
      const settle = this.occupyConnection(request.signal, { resolve, reject })
      const call = this.observer.called(process, verb, request, fate, this.underWay)
      process.time.schedule(fate.requestMs, () => {
        void this.arrive(call, verb, request, fate).then((end) => {
          if (end === null) return
          process.time.schedule(fate.answerMs, () => {
            this.comeBack(call, fate, end, settle)
          })
        })
      })
    }) as Answer<TVerb>
  }

  /** A call occupies a connection until it is settled, or given up: then its connection is destroyed. */
  private occupyConnection(signal: AbortSignal | undefined, { resolve, reject }: Settle): Settle {
    this.underWay += 1
    const leave = (): void => {
      signal?.removeEventListener('abort', leave)
      this.underWay -= 1
    }
    signal?.addEventListener('abort', leave, { once: true })
    return {
      resolve: (answer) => {
        if (signal?.aborted !== true) leave()
        resolve(answer)
      },
      reject: (error) => {
        if (signal?.aborted !== true) leave()
        reject(error)
      },
    }
  }

  private fate(): Fate {
    const { random, noise } = this
    const delay = (): number =>
      random.fraction() * (random.chance(noise.slowChance) ? noise.slowMs : noise.usualMs)
    const requestMs = delay()
    const answerMs = delay()
    const draw = random.fraction()
    const { lostRequestChance, lostAnswerChance, errorChance } = noise
    if (draw < lostRequestChance) return { requestMs, answerMs, kind: 'lostRequest' }
    if (draw < lostRequestChance + lostAnswerChance) {
      return { requestMs, answerMs, kind: 'lostAnswer' }
    }
    if (draw < lostRequestChance + lostAnswerChance + errorChance) {
      return { requestMs, answerMs, kind: random.chance(0.5) ? 'errorBefore' : 'errorAfter' }
    }
    // From the other end of the same draw: what a seed does otherwise stays as it is.
    return { requestMs, answerMs, kind: draw > 1 - lostAnswerChance ? 'repeated' : 'passes' }
  }

  /** The request is there. Answers what goes back, `null` if nothing does. */
  private async arrive(
    call: number,
    verb: CalledVerb,
    request: unknown,
    fate: Fate,
  ): Promise<CallEnd | null> {
    const away = this.isStorageAway() ?? this.cut
    if (fate.kind === 'lostRequest' || away === 'hangs') {
      this.observer.ended(this.process, call, 'is lost on its way', away === null)
      return null
    }
    if (fate.kind === 'errorBefore' || away === 'fails') {
      return { kind: 'failed', error: new Error('Connection refused'), isDisturbed: away === null }
    }
    const { observer, process } = this
    try {
      if (fate.kind === 'repeated' && verb !== 'claim') {
        await observer.serve(process, verb, request)
      }
      return { kind: 'answered', answer: await observer.serve(process, verb, request) }
    } catch (error) {
      return { kind: 'failed', error, isDisturbed: false }
    }
  }

  private comeBack(call: number, fate: Fate, end: CallEnd, settle: Settle): void {
    const { observer, process } = this
    const away = this.isStorageAway() ?? this.cut
    if (fate.kind === 'lostAnswer' || away === 'hangs') {
      observer.ended(process, call, 'was done, its answer is lost', away === null)
      return
    }
    process.deliver(() => {
      if (end.kind === 'failed') {
        observer.ended(process, call, 'failed', end.isDisturbed)
        settle.reject(end.error)
      } else if (fate.kind === 'errorAfter' || away === 'fails') {
        observer.ended(process, call, 'was done, but failed', away === null)
        settle.reject(new Error('Connection reset'))
      } else {
        observer.ended(process, call, 'answered', false)
        settle.resolve(end.answer)
      }
    })
  }
}

type CallEnd =
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly error: unknown; readonly isDisturbed: boolean }

interface Settle {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

type Request<TVerb extends CalledVerb> = Parameters<TaskExecutionsStorage[TVerb]>[0]
type Answer<TVerb extends CalledVerb> = ReturnType<TaskExecutionsStorage[TVerb]>
