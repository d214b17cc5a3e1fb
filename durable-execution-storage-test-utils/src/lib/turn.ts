/** One pass of the event loop: lets everything happen that needs no time. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
