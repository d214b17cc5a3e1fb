/** Calls of user code that nothing depends on and nobody waits for. */

/** Calls it. What it throws, at once or later as a promise, goes to `onError`: unheard, it would end the process. */
export function callAside(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = call()
    if (returned instanceof Promise) returned.catch(onError)
  } catch (error) {
    onError(error)
  }
}
