/** A door that opens once: how a journey holds task functions back until it has seen what it wants to see. */

/** Closed until it is opened, open for ever after. */
export class Latch {
  /** Resolves when the latch is opened. */
  readonly opened: Promise<void>
  private resolve: () => void = () => undefined

  constructor() {
    this.opened = new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  open(): void {
    this.resolve()
  }

  /** Resolves when the latch is opened. @throws The signal's reason if it is aborted before. */
  openedUnless(signal: AbortSignal): Promise<void> {
    return Promise.race([this.opened, aborted(signal)])
  }
}

/** Never resolves. @throws The signal's reason when it is aborted. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
