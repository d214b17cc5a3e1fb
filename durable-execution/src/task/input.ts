/** Checked inputs: a function of the user's, or a Standard Schema (https://standardschema.dev). */
import type { StandardSchemaV1 } from '@standard-schema/spec'

import { DurableExecutionError, messageOf } from '../errors'
import { propertyOf, show } from '../lib/validation'
import type { ValidateInput } from './definition'

/** Every failure of a validation ends the execution at once, in words that name the task. */
export function invalidInput(
  taskId: string,
  problem: string,
  cause?: unknown,
): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid input to task ${taskId}: ${problem}`, {
    code: 'invalid_input',
    cause,
  })
}

/** Turns a Standard Schema into a validation; its failure has one line per issue, with its path. */
export function validateWithSchema(schema: StandardSchemaV1): ValidateInput {
  return async (input) => {
    const result = await schema['~standard'].validate(input)
    if (!isResult(result)) {
      throw new Error(`its schema answered ${show(result)}, expected { value } or { issues: […] }`)
    }
    if (result.issues === undefined) return result.value
    throw new Error(result.issues.map(describeIssue).join('\n'))
  }
}

/** Schemas are other people's code. */
function isResult(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false
  const issues = propertyOf(result, 'issues')
  return issues === undefined || (Array.isArray(issues) && issues.length > 0)
}

function describeIssue(issue: StandardSchemaV1.Issue): string {
  if (issue.path === undefined || issue.path.length === 0) return issue.message
  const path = issue.path.map((part) => String(typeof part === 'object' ? part.key : part))
  return `${path.join('.')}: ${issue.message}`
}

/** @throws A non-retryable `DurableExecutionError` if it is no Standard Schema. */
export function checkSchema(schema: unknown): asserts schema is StandardSchemaV1 {
  const validate = propertyOf(propertyOf(schema, '~standard'), 'validate')
  if (typeof validate === 'function') return
  throw DurableExecutionError.nonRetryable(
    `Invalid input schema: expected a Standard Schema (zod, valibot, arktype, …), got ${show(schema)}`,
    { code: 'invalid_options' },
  )
}

/** Runs a validation; `undefined` where there is none. */
export async function runValidation(
  taskId: string,
  validate: ValidateInput,
  input: unknown,
): Promise<unknown> {
  try {
    return await validate(input)
  } catch (error) {
    throw invalidInput(taskId, messageOf(error), error)
  }
}
