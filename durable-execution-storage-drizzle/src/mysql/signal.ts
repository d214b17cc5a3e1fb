/** Giving calls up. */
import { DurableExecutionError } from 'durable-execution'

/** Whether the signal is aborted before the promise is settled. Never rejects. */
export async function whenAborted(
  promise: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!signal) return false
  let end = (): void => undefined
  const aborted = new Promise<boolean>((resolve) => {
    end = () => {
      resolve(true)
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
  const settled = promise.then(
    () => false,
    () => false,
  )
  try {
    return await Promise.race([settled, aborted])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** The error of a call that was given up. */
export function givenUp(): DurableExecutionError {
  return DurableExecutionError.retryable('The call was given up before the database answered', {
    code: 'storage',
  })
}
