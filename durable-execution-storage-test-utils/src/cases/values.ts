/** What goes in comes out: texts, sizes, times, `null`, ids. */
import { settlementOf, transitions } from 'durable-execution'

import { casesOf } from '../case'
import { childOf, newExecution, newSleeper, START, storedError } from '../factory'
import { present, same } from '../lib/same'
import { idsOf } from '../rows'
import { completed, inserted, named, started, waiting, waitingParent } from '../scenes'

/** Texts that get lost or changed where a layer escapes, trims, parses or re-encodes them. */
const TEXTS: readonly string[] = [
  '',
  ' ',
  'null',
  'undefined',
  '0',
  'true',
  'it\'s "quoted" `here`',
  "'; DROP TABLE task_executions; --",
  '$1 ? :name @x %s {} \\ \\n \\u0041 \\x41 \\0',
  'line one\nline two\r\nline three\ttab\u0001\u001f\u007f',
  '  spaces on both sides  ',
  'trailing newline\n',
  'äöüß éèê ñ å ø',
  'e\u0301 is not \u00e9',
  'Ελληνικά Русский עברית العربية हिन्दी ไทย',
  '日本語 中文 한국어',
  '😀 👩‍👩‍👧‍👦 🏳️‍🌈 𝒳 𠜎',
  '\ufeffbyte order mark\u200b zero width\u202e right to left\u2028\u2029\ufffd\uffff',
  '{"b":1,  "a":2, "a":3, "n":1.0e0, "big":12345678901234567890}',
  '[1,2,3]',
  '%00 &amp; <tag> ]]>',
]

const MEGABYTE = 1024 * 1024

/** Ids that a user may well choose. */
const IDS = TEXTS.filter((text) => text.length > 0)

/** The cases about values. */
export const valueCases = casesOf('all verbs', [
  {
    name: 'keep every text of an input as it is',
    async run(context) {
      await context.insert(
        TEXTS.map((input, index) => newExecution({ executionId: `e${index}`, input })),
      )
      for (const [index, input] of TEXTS.entries()) await context.expectRow(`e${index}`, { input })
    },
  },
  {
    name: 'keep every text of an output, a run output and an error as it is',
    async run(context) {
      for (const [index, text] of TEXTS.entries()) {
        const done = await started(context, `done ${index}`)
        const failed = await started(context, `failed ${index}`)
        const parent = await started(context, `parent ${index}`)
        const error = storedError({ message: text })
        const children = [childOf(parent, 0, { executionId: `child ${index}`, input: text })]
        await context.settle([
          settlementOf(done, transitions.complete(done, text)),
          settlementOf(failed, transitions.fail(failed, error)),
          settlementOf(parent, transitions.waitForChildren(parent, text), children),
        ])
        await context.expectRow(`done ${index}`, { output: text })
        await context.expectRow(`failed ${index}`, { error })
        await context.expectRow(`parent ${index}`, { runOutput: text })
        await context.expectRow(`child ${index}`, { input: text })
      }
    },
  },
  {
    name: 'keep every text of a wake and of a cancel as it is',
    async run(context) {
      for (const [index, text] of TEXTS.entries()) {
        await inserted(context, newSleeper(`k${index}`, `key${index}`))
        await inserted(context, newExecution({ executionId: `c${index}` }))
        const outcome = { status: 'completed', output: text } as const
        same((await context.wake(`key${index}`, { outcome })).record?.output, text, 'output')
        const error = storedError({ message: text, errorType: 'cancelled', code: 'cancelled' })
        await context.cancel([`c${index}`], error)
        await context.expectRow(`k${index}`, { output: text })
        await context.expectRow(`c${index}`, { error })
      }
    },
  },
  {
    name: 'take every text for an execution id, a task id, a queue and an executor id',
    async run(context) {
      for (const text of IDS) {
        const row = newExecution({ executionId: text, taskId: text, queue: text })
        await inserted(context, row)
        const { records } = await context.claim({ queue: text, executorId: text })
        same(idsOf(records), [text], 'claimed')
        const held = present(records[0], 'claimed record')
        same([held.taskId, held.queue, held.executorId], [text, text, text], 'fields')
        same(await context.renew([held]), ['renewed'], 'outcome of a renewal')
        const found = await context.recover({ executorId: text, queues: [text] })
        same(idsOf(found), [text], 'found by recover')
        await context.settle([waiting(held, [childOf(held, 0, { executionId: `child ${text}` })])])
        await context.cancel([`child ${text}`])
        await context.expectRow(text, { activeChildrenCount: 0, claimAt: context.now })
      }
    },
  },
  {
    name: 'take ids of 255 characters',
    async run(context) {
      const long = (character: string): string => character.repeat(255)
      const parent = await started(context, long('é'), { taskId: long('t'), queue: long('q') })
      const answer = await context.settle(
        [waiting(parent, [childOf(parent, 0, { executionId: long('c'), start: 'claimed' })])],
        { executorId: long('x') },
      )
      same(answer.outcomes[0]?.claimedInsertions, [long('c')], 'claimed insertions')
      await context.expectRow(long('c'), { executorId: long('x') })
      const key = 'k'.repeat(43)
      await inserted(context, newSleeper(long('s'), key))
      same((await context.wake(key)).record?.sleepingKey, `${key}:${long('s')}`, 'key')
    },
  },
  {
    name: 'keep null apart from an empty text and from the text null',
    async run(context) {
      const inputs = [null, '', 'null', '"null"']
      for (const [index, input] of inputs.entries()) {
        const row = await started(context, `e${index}`, { input })
        same(row.input, input, 'input')
        await context.settle([settlementOf(row, transitions.complete(row, input))])
        await context.expectRow(`e${index}`, { input, output: input })
      }
    },
  },
  {
    name: 'keep a run output that is null',
    async run(context) {
      const row = await started(context, 'p')
      const children = [childOf(row, 0, { executionId: 'a', input: null })]
      await context.settle([settlementOf(row, transitions.waitForChildren(row, null), children)])
      await context.expectRow('p', { runOutput: null, status: 'waiting_for_children' })
    },
  },
  {
    name: 'keep texts of a megabyte',
    async run(context) {
      const text = 'é"\\😀'.repeat(MEGABYTE / 8)
      const row = await started(context, 'a', { input: text })
      same(row.input === text, true, 'whether the input is the same')
      const { outcomes } = await context.settle([
        settlementOf(row, transitions.complete(row, `${text}!`)),
      ])
      same(outcomes[0]?.outcome, 'applied', 'outcome')
      same((await context.row('a')).output === `${text}!`, true, 'whether the output is the same')
    },
  },
  {
    name: 'keep times to the millisecond',
    async run(context) {
      for (const [index, ms] of [1, 7, 100, 999, 1001, 123_456].entries()) {
        context.advance(1)
        const now = context.now
        await inserted(context, newExecution({ executionId: `e${index}`, sleepMsBeforeRun: ms }))
        await context.expectRow(`e${index}`, {
          createdAt: now,
          startAt: now + ms,
          claimAt: now + ms,
        })
      }
    },
  },
  {
    name: 'keep delays and time-outs of a hundred years',
    async run(context) {
      const century = 100 * 365 * 24 * 60 * 60 * 1000
      const parts = { timeoutMs: century, sleepMsBeforeRun: century }
      await inserted(context, newExecution({ executionId: 'a', ...parts }))
      await inserted(context, newSleeper('b', 'key', { timeoutMs: century }))
      await context.expectRow('a', { ...parts, claimAt: START + century, startAt: START + century })
      await context.expectRow('b', { claimAt: START + century })
      same((await context.nextClaimAt(['default']))[0]?.dueInMs, century, 'dueInMs of the next row')
    },
  },
  {
    name: 'keep every retry option, fractions too',
    async run(context) {
      const retryOptions = {
        maxAttempts: 1_000_000,
        baseDelayMs: 1500,
        delayMultiplier: 1.7320508,
        maxDelayMs: 3_153_600_000_000,
        jitter: 0.1,
      }
      await inserted(context, newExecution({ executionId: 'a', retryOptions }))
      await context.expectRow('a', { retryOptions })
      const { records } = await context.claim()
      same(records[0]?.retryOptions, retryOptions, 'of the claimed record')
    },
  },
  {
    name: 'answer records whose parts can be handed to JSON and back',
    async run(context) {
      await waitingParent(context, 'p', named('a'))
      await completed(context, ['a'])
      const rows = await context.rows()
      same(JSON.parse(JSON.stringify(rows)), rows, 'rows')
    },
  },
])

/** The cases about the clock. */
export const clockCases = casesOf('all verbs', [
  {
    name: 'answer the time that the call stands for',
    async run({ storage }) {
      const now = START + 4567
      const who = { executorId: 'me', leaseMs: 1000, now }
      const handOver = null
      const error = storedError()
      const outcome = { status: 'failed', error } as const
      const answers = [
        await storage.insert({ ...who, executions: [] }),
        await storage.get({ executionIds: [], now }),
        await storage.getChildren({ parentExecutionId: 'p', limit: 1, now }),
        await storage.claim({
          ...who,
          queue: 'q',
          limit: 1,
          takeOver: 'also',
          suspects: 'exclude',
        }),
        await storage.settle({ ...who, settlements: [], handOver }),
        await storage.renew({ claims: [], leaseMs: 1000, now }),
        await storage.lostClaims({ claims: [], now }),
        await storage.recover({
          executorId: 'me',
          leaseMs: 1000,
          queues: ['q'],
          exceptExecutionIds: [],
          now,
        }),
        await storage.release({ claims: [], now }),
        await storage.wake({ ...who, sleepingKey: 'key', outcome, handOver }),
        await storage.cancel({ executionIds: [], error, now }),
        await storage.nextClaimAt({ queues: ['q'], now }),
        await storage.prune({ finishedBefore: now, limit: 10, now }),
      ]
      same(
        answers.map((answer) => answer.now),
        answers.map(() => now),
        'times of the answers',
      )
    },
  },
  {
    name: 'go by the own clock of the storage where the call stands for no time',
    async run({ storage }) {
      const execution = newExecution({ executionId: 'a', sleepMsBeforeRun: 60_000 })
      const who = { executorId: 'me', leaseMs: 1000 }
      const inserting = await storage.insert({ ...who, executions: [execution] })
      const { records, now } = await storage.get({ executionIds: ['a'] })
      const row = present(records[0], 'row a')
      same(Number.isSafeInteger(inserting.now) && inserting.now > START, true, 'whole milliseconds')
      same(now >= inserting.now, true, 'whether the clock goes on')
      // The moment of writing and that of answering may be a little apart.
      same(Math.abs(row.createdAt - inserting.now) < 5000, true, 'whether createdAt is its time')
      same(row.claimAt, row.createdAt + 60_000, 'claimAt')
      const claim = { ...who, queue: 'default', limit: 1, takeOver: 'also' } as const
      same((await storage.claim({ ...claim, suspects: 'exclude' })).records, [], 'claimed early')
    },
  },
])
