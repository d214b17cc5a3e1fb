/** A simulation under way: members, the storage, and what the plan lets happen to them. */
import { isFinished, type ExecutionRecord } from 'durable-execution'

import { SeededRandom } from '../lib/random'
import type { Away, CalledVerb, CallObserver, Fate } from './connection'
import { describeRequest } from './describe-call'
import { IdleWatch } from './final-phase'
import { CALM_HINTS, HintSource } from './hints'
import { History } from './history'
import { Member, type DefineTasks } from './member'
import type { FaultPlan, MemberPlan, Plan } from './plan'
import type { SimulatedProcess } from './process'
import { VirtualTime } from './time'
import { WatchedStorage, type SimulatedStorage } from './watched-storage'

/** Makes the storage of a simulation, on its clock. */
export type CreateSimulatedStorage = (now: () => number) => SimulatedStorage

/** An executor has so many connections, besides one on which it may listen. */
const MOST_CALLS_AT_ONCE = 5

/** Comes when the faults end: sees to what is left. */
export const RESCUER: Omit<MemberPlan, 'queues'> = {
  name: 'rescuer',
  isClient: false,
  maxConcurrentTaskExecutions: 1000,
  pollIntervalMs: 200,
  wallClockOffByMs: 0,
  latenessMs: 0,
  noise: {
    usualMs: 2,
    slowChance: 0,
    slowMs: 0,
    lostRequestChance: 0,
    lostAnswerChance: 0,
    errorChance: 0,
  },
  hints: CALM_HINTS,
  partialChance: 0,
  restartMs: 10,
}

/** A simulation under way. */
export class World implements CallObserver {
  readonly plan: Plan
  readonly time: VirtualTime
  readonly history: History
  readonly storage: WatchedStorage
  readonly members: Member[] = []
  private readonly hints: HintSource
  private readonly define: DefineTasks
  private readonly random: SeededRandom
  private away: Away | null = null
  private isChaos = true
  private callCount = 0
  readonly idle = new IdleWatch(this)

  constructor(
    plan: Plan,
    createStorage: CreateSimulatedStorage,
    define: DefineTasks,
    trace: ((line: string) => void) | null,
  ) {
    this.plan = plan
    this.random = new SeededRandom(plan.seed ^ 0x5eed)
    this.time = new VirtualTime(new SeededRandom(this.random.bits()))
    const stamp = trace && ((line: string) => trace(`${this.time.elapsedMs.toFixed(3)} ${line}`))
    this.history = new History(() => this.time.elapsedMs, stamp)
    const storage = createStorage(() => this.time.storageNow())
    this.storage = new WatchedStorage(storage, this.history, plan.leaseMs)
    this.hints = new HintSource(storage, this.time)
    this.define = define
    for (const member of plan.members) this.add(member)
  }

  /** Adds a member and boots it. */
  add(plan: MemberPlan): Member {
    const { time, history, define, hints } = this
    const world = {
      time,
      history,
      define,
      hints,
      observer: this,
      leaseMs: this.plan.leaseMs,
      checkHandedBack: (process: SimulatedProcess) => {
        this.storage.checkHandedBack(process)
      },
      isStorageAway: () => this.away,
      isChaos: () => this.isChaos,
    }
    const member = new Member(plan, world, this.random.bits())
    this.members.push(member)
    member.boot()
    return member
  }

  /** One of the members that are awake, other than the one given if there is another. */
  pickAwake(random: SeededRandom, fits: (member: Member) => boolean = () => true): Member | null {
    return random.pick(this.members.filter((member) => member.awake && fits(member))) ?? null
  }

  /** Lets the faults of the plan happen, each at its time. */
  scheduleFaults(): void {
    for (const fault of this.plan.faults) {
      this.time.schedule(fault.atMs, () => {
        if (this.isChaos) this.inflict(fault)
      })
    }
  }

  /** No fault happens any more; what is cut off is mended, what is stopped goes on. */
  calm(): void {
    this.isChaos = false
    this.history.trace?.('faults end')
    this.endOutage()
    for (const { current } of this.members) {
      if (!current) continue
      current.connection.cut = null
      current.connection.noise = RESCUER.noise
      current.process.killAfterYields(Infinity)
      const { ear } = current.connection
      if (ear) ear.noise = CALM_HINTS
      current.process.continue()
      ear?.restore()
    }
  }

  get isCalm(): boolean {
    return !this.isChaos
  }

  private inflict(fault: FaultPlan): void {
    this.history.trace?.(`fault ${JSON.stringify(fault)}`)
    if (fault.kind === 'outage') {
      this.away = fault.away
      // Connections that break are noticed, those that hang are not.
      if (fault.away === 'fails') this.dropEars()
      this.storage.outageBegan()
      this.time.schedule(fault.forMs, () => {
        this.endOutage()
      })
      return
    }
    const member = this.members[fault.member]
    const current = member?.current
    if (!member || !current?.process.isAlive) return
    switch (fault.kind) {
      case 'crash':
        current.process.kill('a crash')
        return
      case 'crashAtYield':
        current.process.killAfterYields(fault.yields)
        return
      case 'stop':
        current.process.stop()
        this.time.schedule(fault.forMs, () => {
          current.process.continue()
        })
        return
      case 'cut':
        current.connection.cut = fault.away
        if (fault.away === 'fails') current.connection.ear?.drop(true)
        this.history.disturbed(current.process, this.time.elapsedMs + fault.forMs)
        this.time.schedule(fault.forMs, () => {
          current.connection.cut = null
          current.connection.ear?.restore()
        })
        return
      case 'deaf':
        current.connection.ear?.drop(fault.isTold)
        this.time.schedule(fault.forMs, () => {
          current.connection.ear?.restore()
        })
        return
      case 'deploy':
        if (!current.process.isStopped) member.deploy(fault.graceMs)
        return
      case 'cancel':
        this.cancelSome(fault.pick)
    }
  }

  /** Any member may cancel any execution that it knows of. */
  private cancelSome(pick: number): void {
    const active = this.storage.dump().filter(({ status }) => !isFinished(status))
    const target = active[Math.floor(pick * active.length)]
    const member = this.pickAwake(this.random)
    if (!target || !member?.awake) return
    void this.cancel(member, target)
  }

  private async cancel(member: Member, { taskId, executionId }: ExecutionRecord): Promise<void> {
    const { awake } = member
    if (!awake) return
    this.history.trace?.(`${awake.process.name} cancels ${taskId} ${executionId}`)
    try {
      const handle = await awake.executor.getTaskExecutionHandle(member.taskOf(taskId), executionId)
      await handle.cancel()
    } catch {
      // It does not know the task, or is shut down.
    }
  }

  private dropEars(): void {
    for (const { current } of this.members) current?.connection.ear?.drop(true)
  }

  private endOutage(): void {
    if (this.away === null) return
    this.away = null
    for (const { current } of this.members) current?.connection.ear?.restore()
    this.storage.outageEnded()
    this.history.trace?.('storage is back')
  }

  // --- What connections tell -----------------------------------------------------------------

  serve(process: SimulatedProcess, verb: CalledVerb, request: unknown): Promise<unknown> {
    return this.storage.serve(process, verb, request)
  }

  called(
    process: SimulatedProcess,
    verb: CalledVerb,
    request: unknown,
    fate: Fate,
    underWay: number,
  ): number {
    this.callCount += 1
    if (underWay > MOST_CALLS_AT_ONCE) {
      this.history.violated('G8', `${process.name} has ${underWay} calls under way at once`)
    }
    this.idle.called(process, verb)
    const { leaseMs } = this.plan
    const tookMs = fate.requestMs + fate.answerMs
    const isLost = fate.kind === 'lostAnswer' || fate.kind === 'lostRequest'
    if (isLost || tookMs > leaseMs / 12) {
      this.history.disturbed(process, this.time.elapsedMs + Math.max(tookMs, leaseMs / 3))
    }
    this.history.trace?.(
      `${process.name} calls #${this.callCount} ${verb} ${describeRequest(verb, request)} → ${fate.kind}`,
    )
    return this.callCount
  }

  ended(process: SimulatedProcess, call: number, end: string, isDisturbed: boolean): void {
    if (isDisturbed) this.history.disturbed(process, this.time.elapsedMs)
    this.history.trace?.(`${process.name} #${call} ${end}`)
  }
}
