import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { thrownBy } from '../../tests/support/thrown'
import { checkSchema, invalidInput, runValidation, validateWithSchema } from './input'

/** A schema that answers this. */
function schemaOf(result: StandardSchemaV1.Result<unknown>): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate: () => result } }
}

describe('validateWithSchema', () => {
  it('answers what the schema makes of the input', async () => {
    const validate = validateWithSchema(z.object({ count: z.string().transform(Number) }))
    await expect(validate({ count: '3' })).resolves.toEqual({ count: 3 })
  })

  it('waits for a schema that answers later', async () => {
    const validate = validateWithSchema(z.string().transform((text) => Promise.resolve(`${text}!`)))
    await expect(validate('a')).resolves.toBe('a!')
  })

  it('fails with one line per issue and its path', async () => {
    const validate = validateWithSchema(
      schemaOf({
        issues: [
          { message: 'is missing', path: ['user', { key: 'names' }, 0] },
          { message: 'is odd', path: [Symbol('s')] },
          { message: 'is wrong as a whole' },
          { message: 'is wrong too', path: [] },
        ],
      }),
    )
    await expect(validate({})).rejects.toThrow(
      new Error('user.names.0: is missing\nSymbol(s): is odd\nis wrong as a whole\nis wrong too'),
    )
  })
})

describe('checkSchema', () => {
  it('takes every Standard Schema, also one that is a function', () => {
    const callable = Object.assign(() => 1, schemaOf({ value: 1 }))
    for (const schema of [z.string(), schemaOf({ value: 1 }), callable]) {
      expect(() => {
        checkSchema(schema)
      }).not.toThrow()
    }
  })

  it.each([
    undefined,
    null,
    'text',
    {},
    { '~standard': null },
    { '~standard': {} },
    { '~standard': { validate: 1 } },
  ])('refuses %j', (schema) => {
    const error = thrownBy(() => {
      checkSchema(schema)
    })
    expect(error).toMatchObject({ code: 'invalid_options', isRetryable: false })
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/^Invalid input schema: .+, got /),
    )
  })
})

describe('runValidation', () => {
  it('answers what the validation returns, now or later', async () => {
    await expect(runValidation('add', (input) => [input], 1)).resolves.toEqual([1])
    await expect(runValidation('add', (input) => Promise.resolve([input]), 1)).resolves.toEqual([1])
  })

  const tooSmall = new Error('too small')

  it('turns whatever is thrown into an error that is never retried and names the task', async () => {
    const failures: [() => unknown, unknown][] = [
      [() => Promise.reject(tooSmall), tooSmall],
      [() => z.never({ error: 'too small' }).parse(1), expect.any(Error)],
    ]
    for (const [validate, cause] of failures) {
      await expect(runValidation('add', validate, 1)).rejects.toMatchObject({
        message: expect.stringMatching(/^Invalid input to task add: .*too small/s) as string,
        code: 'invalid_input',
        isRetryable: false,
        cause,
      })
    }
  })
})

describe('invalidInput', () => {
  it('names the task', () => {
    expect(invalidInput('add', 'too small')).toMatchObject({
      message: 'Invalid input to task add: too small',
      isRetryable: false,
    })
  })
})
