/**
 * Families that this process saw whole: it stored the run of the parent, with its children, and the end of each of them. What has
 * finished never changes, so what they came to need not be read for the finalize, or for a parent without one. A family of which
 * others ended a part, or that was dropped for its size, is read from the storage.
 */
import type { ExecutionRecord } from '../execution/record'
import type { Settlement } from '../execution/settlement'
import { isFinished, isWaiting } from '../execution/status'

/** The most bytes kept, roughly: beyond, the oldest families are dropped. */
const MOST_BYTES = 16 * 2 ** 20
/** Bytes a child takes besides its texts, roughly. */
const CHILD_BYTES = 500

/** What a family needs of its parent. Ids may be given again once their executions were pruned: `createdAt` tells which it is. */
export type FamilyParent = Pick<
  ExecutionRecord,
  'taskId' | 'executionId' | 'createdAt' | 'runOutput'
>

/** What a family needs of a child. */
export type EndedChild = Pick<
  ExecutionRecord,
  'taskId' | 'executionId' | 'status' | 'output' | 'error'
>

interface Gathering {
  readonly parent: FamilyParent
  /** How many children the parent has. */
  readonly count: number
  /** Those that ended here, by their index. */
  readonly children: Map<number, EndedChild>
  /** Its finalize, once that is stored. */
  finalizeId: string | null
  bytes: number
}

/** Gathers children that end here. */
export class KnownFamilies {
  private readonly byParent = new Map<string, Gathering>()
  private bytes = 0

  /** A settlement was stored that had been decided on this record. */
  settled(record: ExecutionRecord, settlement: Settlement): void {
    const { status } = settlement.change
    if (isFinished(status)) {
      this.drop(record.executionId)
      this.ended(record, settlement)
    } else if (isWaiting(status)) {
      if (record.status === 'running') this.begin(record, settlement)
      this.finalizing(record, settlement)
    }
  }

  /** The parent of a finalize that was stored here, as was the run of the parent. */
  parentOf({ executionId, parent }: ExecutionRecord): FamilyParent | null {
    const gathering = this.byParent.get(parent?.executionId ?? '')
    return gathering?.finalizeId === executionId ? gathering.parent : null
  }

  /** All children of a parent in their order; `null` if not all of them ended here. */
  childrenOf(parent: FamilyParent): readonly EndedChild[] | null {
    const gathering = this.of(parent)
    if (!gathering || gathering.children.size < gathering.count) return null
    const inOrder = [...gathering.children].sort(([a], [b]) => a - b)
    return inOrder.map(([, child]) => child)
  }

  private of({ executionId, createdAt }: FamilyParent): Gathering | null {
    const gathering = this.byParent.get(executionId)
    return gathering?.parent.createdAt === createdAt ? gathering : null
  }

  private begin(record: ExecutionRecord, settlement: Settlement): void {
    const { taskId, executionId, createdAt } = record
    const { change, insertions } = settlement
    const children = insertions.filter(
      ({ parent }) => parent?.executionId === executionId && !parent.isFinalize,
    )
    const { runOutput } = change
    const gathering: Gathering = {
      parent: { taskId, executionId, createdAt, runOutput },
      count: children.length,
      children: new Map(),
      finalizeId: null,
      bytes: 0,
    }
    this.drop(executionId)
    this.byParent.set(executionId, gathering)
    this.grow(gathering, CHILD_BYTES + (runOutput?.length ?? 0))
  }

  private finalizing(record: ExecutionRecord, { insertions }: Settlement): void {
    const finalize = insertions.find(
      ({ parent }) => parent?.isFinalize === true && parent.executionId === record.executionId,
    )
    const gathering = this.of(record)
    if (finalize && gathering) gathering.finalizeId = finalize.executionId
  }

  private ended({ parent, taskId, executionId }: ExecutionRecord, { change }: Settlement): void {
    if (parent === null || parent.isFinalize) return
    const gathering = this.byParent.get(parent.executionId)
    if (!gathering) return
    const { status, output, error } = change
    gathering.children.set(parent.indexInParent, { taskId, executionId, status, output, error })
    const texts = (output?.length ?? 0) + (error?.message.length ?? 0)
    this.grow(gathering, CHILD_BYTES + texts)
  }

  private grow(gathering: Gathering, bytes: number): void {
    gathering.bytes += bytes
    this.bytes += bytes
    while (this.bytes > MOST_BYTES) {
      const [oldest] = this.byParent.keys()
      if (oldest === undefined) return
      this.drop(oldest)
    }
  }

  private drop(executionId: string): void {
    const gathering = this.byParent.get(executionId)
    if (!gathering) return
    this.bytes -= gathering.bytes
    this.byParent.delete(executionId)
  }
}
