/** Calls of user code that nothing depends on and nobody waits for. */

/**
 * Calls it with a value. What it throws, at once or later as a promise, goes to `onError`, with the value: unheard, it would end the
 * process.
 */
export function callAside<T>(
  call: (value: T) => unknown,
  value: T,
  onError: (error: unknown, value: T) => void,
): void {
  try {
    const returned = call(value)
    if (returned instanceof Promise) {
      returned.catch((error: unknown) => {
        onError(error, value)
      })
    }
  } catch (error) {
    onError(error, value)
  }
}
