/** The way from an executor to its storage, which a journey can cut and disturb. What passes is written into the journal. */
import type { TaskExecutionsStorage } from 'durable-execution'

import type { Journal } from './journal'

type Verbs = TaskExecutionsStorage
type Answer<TVerb extends Exclude<keyof Verbs, 'listen'>> = ReturnType<Verbs[TVerb]>
type Request<TVerb extends Exclude<keyof Verbs, 'listen'>> = Parameters<Verbs[TVerb]>[0]

/** A storage as one executor sees it. */
export class StorageLink implements TaskExecutionsStorage {
  readonly listen?: NonNullable<TaskExecutionsStorage['listen']>
  private readonly storage: TaskExecutionsStorage
  private readonly journal: Journal
  private isCut = false
  private loseEvery = Infinity
  private answerCount = 0
  private lostCount = 0

  constructor(storage: TaskExecutionsStorage, journal: Journal) {
    this.storage = storage
    this.journal = journal
    if (storage.listen) this.listen = storage.listen.bind(storage)
  }

  /** How many answers were lost. */
  get lostAnswersCount(): number {
    return this.lostCount
  }

  /** Whether calls get nowhere. */
  get isCutOff(): boolean {
    return this.isCut
  }

  /** From now on calls get nowhere and hang, as on a dead connection. */
  cut(): void {
    this.isCut = true
  }

  /** From now on calls pass again; those that hang go on hanging. */
  mend(): void {
    this.isCut = false
  }

  /** From now on every `n`-th call is done by the storage, but its answer is an error; `Infinity`: none. */
  loseEveryAnswer(n: number): void {
    this.loseEvery = n
  }

  insert(request: Request<'insert'>): Answer<'insert'> {
    return this.pass(async () => {
      const answer = await this.storage.insert(request)
      this.journal.inserted(request, answer.outcomes)
      return answer
    })
  }

  get(request: Request<'get'>): Answer<'get'> {
    return this.pass(() => this.storage.get(request))
  }

  getChildren(request: Request<'getChildren'>): Answer<'getChildren'> {
    return this.pass(() => this.storage.getChildren(request))
  }

  claim(request: Request<'claim'>): Answer<'claim'> {
    return this.pass(async () => {
      const answer = await this.storage.claim(request)
      for (const record of answer.records) this.journal.claimed(request.executorId, record)
      return answer
    })
  }

  settle(request: Request<'settle'>): Answer<'settle'> {
    const { executorId, settlements } = request
    return this.pass(async () => {
      const answer = await this.storage.settle(request)
      settlements.forEach((settlement, index) => {
        this.journal.settled(executorId, settlement, answer.outcomes[index])
      })
      for (const parent of answer.parents) this.journal.claimed(executorId, parent)
      return answer
    })
  }

  renew(request: Request<'renew'>): Answer<'renew'> {
    return this.pass(() => this.storage.renew(request))
  }

  lostClaims(request: Request<'lostClaims'>): Answer<'lostClaims'> {
    return this.pass(() => this.storage.lostClaims(request))
  }

  recover(request: Request<'recover'>): Answer<'recover'> {
    return this.pass(async () => {
      const answer = await this.storage.recover(request)
      for (const record of answer.records) this.journal.claimed(request.executorId, record)
      return answer
    })
  }

  release(request: Request<'release'>): Answer<'release'> {
    return this.pass(() => this.storage.release(request))
  }

  wake(request: Request<'wake'>): Answer<'wake'> {
    return this.pass(async () => {
      const answer = await this.storage.wake(request)
      if (answer.parent) this.journal.claimed(request.executorId, answer.parent)
      return answer
    })
  }

  cancel(request: Request<'cancel'>): Answer<'cancel'> {
    return this.pass(() => this.storage.cancel(request))
  }

  nextClaimAt(request: Request<'nextClaimAt'>): Answer<'nextClaimAt'> {
    return this.pass(() => this.storage.nextClaimAt(request))
  }

  prune(request: Request<'prune'>): Answer<'prune'> {
    return this.pass(() => this.storage.prune(request))
  }

  private async pass<T>(call: () => Promise<T>): Promise<T> {
    if (this.isCut) {
      return new Promise<never>(() => {
        // Nothing comes back from a dead connection.
      })
    }
    const answer = await call()
    this.answerCount += 1
    if (this.answerCount % this.loseEvery !== 0) return answer
    this.lostCount += 1
    throw new Error('The connection broke before the answer came')
  }
}
