import { describe, expect, it } from 'vitest'

import { DurableExecutionError } from './errors'
import { MAX_DURATION_MS } from './execution/retry'
import { DEFAULTS, resolveOptions, type DurableExecutorOptions } from './options'

const MIB = 2 ** 20
const createId = (prefix: string): string => `${prefix}_made`

/** Also what the types forbid: users without types pass anything. */
function resolve(options: unknown): ReturnType<typeof resolveOptions> {
  return resolveOptions(options as DurableExecutorOptions, createId)
}

function refusal(options: unknown): string {
  try {
    resolve(options)
  } catch (error) {
    expect(error).toBeInstanceOf(DurableExecutionError)
    expect(error).toMatchObject({ code: 'invalid_options', isRetryable: false })
    if (error instanceof Error) return error.message
  }
  throw new Error(`Nothing was refused of ${JSON.stringify(options)}`)
}

const logger = { debug: log, info: log, warn: log, error: log }
function log(): void {
  // Says nothing.
}

/** Of every option: values that fit, at its bounds; values out of bounds; values of a wrong type. */
const OPTIONS: Record<
  keyof DurableExecutorOptions,
  { fits: unknown[]; outOfBounds: unknown[]; wrongType: unknown[] }
> = {
  executorId: {
    fits: ['a', 'a'.repeat(255)],
    outOfBounds: ['', 'a'.repeat(256)],
    wrongType: [1, null],
  },
  serializer: {
    fits: [{ serialize: String, deserialize: String }],
    outOfBounds: [{ serialize: String }, { serialize: 1, deserialize: String }],
    wrongType: ['superjson', null],
  },
  logger: {
    fits: [logger],
    outOfBounds: [{ ...logger, warn: undefined }],
    wrongType: ['console', null],
  },
  logLevel: {
    fits: ['debug', 'info', 'warn', 'error', 'silent'],
    outOfBounds: ['trace'],
    wrongType: [2, null],
  },
  queues: {
    fits: [['a'], Array.from({ length: 64 }, (_, index) => `queue ${index}`)],
    outOfBounds: [
      [],
      Array.from({ length: 65 }, (_, index) => `queue ${index}`),
      ['a', 'a'],
      [''],
      ['a'.repeat(256)],
    ],
    wrongType: ['default', [1], null],
  },
  maxConcurrentTaskExecutions: {
    fits: [1, 100_000],
    outOfBounds: [0, -1, 1.5, Infinity, NaN],
    wrongType: ['1', null],
  },
  maxChildrenPerTaskExecution: {
    fits: [1, 100_000],
    outOfBounds: [0, 100_001, 1.5, NaN],
    wrongType: ['1', null],
  },
  maxSerializedInputDataSize: {
    fits: [1, 64 * MIB],
    outOfBounds: [0, 64 * MIB + 1, 1.5, NaN],
    wrongType: ['1', null],
  },
  maxSerializedOutputDataSize: {
    fits: [1, 64 * MIB],
    outOfBounds: [0, 64 * MIB + 1, 1.5, NaN],
    wrongType: ['1', null],
  },
  leaseMs: {
    fits: [1000, MAX_DURATION_MS],
    outOfBounds: [999, MAX_DURATION_MS + 1, 1000.5, Infinity, NaN],
    wrongType: ['1000', null],
  },
  maxTakeovers: { fits: [2, 100], outOfBounds: [1, 2.5, NaN], wrongType: ['3', null] },
  abortGraceMs: {
    fits: [0, 1],
    outOfBounds: [-1, 0.5, MAX_DURATION_MS + 1, NaN],
    wrongType: ['0', null],
  },
  onEvent: { fits: [log], outOfBounds: [{}], wrongType: ['log', null] },
  maxFinalizeInputBytes: {
    fits: [MIB, 1000 * MIB],
    outOfBounds: [MIB - 1, MIB + 0.5, NaN],
    wrongType: ['1', null],
  },
  retentionMs: {
    fits: [60_000, MAX_DURATION_MS, null],
    outOfBounds: [59_999, 60_000.5, MAX_DURATION_MS + 1, NaN],
    wrongType: ['60000', true],
  },
  pollIntervalMs: {
    fits: [10, 1000],
    outOfBounds: [9, 10.5, MAX_DURATION_MS + 1, NaN],
    wrongType: ['10', null],
  },
}

describe.each(Object.entries(OPTIONS))('option %s', (name, { fits, outOfBounds, wrongType }) => {
  it('is taken at its bounds', () => {
    for (const value of fits) {
      expect(resolve({ [name]: value })).toHaveProperty(name, value)
    }
  })

  it('is refused out of its bounds, with what was expected and what came', () => {
    for (const value of outOfBounds) {
      expect(refusal({ [name]: value })).toMatch(
        new RegExp(String.raw`^Invalid options: ${name}(\.\d+|\.\w+)?: .+, got .+`),
      )
    }
  })

  it('is refused if it has a wrong type', () => {
    for (const value of wrongType) {
      expect(refusal({ [name]: value })).toMatch(
        new RegExp(String.raw`^Invalid options: ${name}(\.\d+)?: .+expected .+, got .+`),
      )
    }
  })

  it('may be undefined, and has its default then', () => {
    const given = resolve({ [name]: undefined })
    const left = resolve({})
    expect(Object.keys(given).sort()).toEqual(Object.keys(left).sort())
    // Each call makes a serializer of its own.
    if (name !== 'serializer') expect(given).toHaveProperty(name, Reflect.get(left, name))
    else expect(given.serializer.deserialize(given.serializer.serialize(1n))).toBe(1n)
  })
})

describe('resolveOptions', () => {
  it('fills in the defaults that the documentation names', () => {
    expect(resolve({})).toMatchObject({
      ...DEFAULTS,
      executorId: 'de_made',
      logger: console,
      onEvent: null,
      logLevel: 'info',
      queues: ['default'],
      maxConcurrentTaskExecutions: 1000,
      maxChildrenPerTaskExecution: 1000,
      maxSerializedInputDataSize: 1_048_576,
      maxSerializedOutputDataSize: 1_048_576,
      leaseMs: 15_000,
      maxTakeovers: 3,
      abortGraceMs: 5000,
      maxFinalizeInputBytes: 268_435_456,
      retentionMs: 2_592_000_000,
      pollIntervalMs: 200,
    })
  })

  it('says of every wrong option what was expected and what came', () => {
    const message = refusal({ leaseMs: 5, queues: ['a', ''], pollIntervalMs: 'soon' })
    expect(message).toContain('leaseMs: ')
    expect(message).toContain('>=1000, got 5')
    expect(message).toContain('queues.1: ')
    expect(message).toContain('got ""')
    expect(message).toContain('pollIntervalMs: ')
    expect(message).toContain('got "soon"')
  })

  it('refuses an option that does not exist: a typo is no default', () => {
    expect(refusal({ leaseMS: 5000 })).toContain('leaseMS')
  })

  it.each([null, 'text', 3, []])('refuses options that are no object: %j', (options) => {
    expect(refusal(options)).toMatch(/^Invalid options: /)
  })
})
