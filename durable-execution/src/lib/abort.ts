/** Signals that many wait for. */
import { setMaxListeners } from 'node:events'

/** A controller whose signal any number of calls may listen to: Node warns of a leak from the eleventh listener on. */
export function createSharedController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
