/** A promise that is settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | Promise<T>) => void
  readonly reject: (error: unknown) => void
}

/** Makes a {@link Deferred}. */
export function createDeferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = beforeItIsMade
  let reject: Deferred<T>['reject'] = beforeItIsMade
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  return { promise, resolve, reject }
}

/** Never called: a promise hands its functions over before its constructor returns. */
function beforeItIsMade(): never {
  throw new Error('A promise did not hand over what settles it')
}
