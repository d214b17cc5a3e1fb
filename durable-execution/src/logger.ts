/** Where messages go. The executor logs nothing but its own events. */
import { callAside } from './lib/aside'

/** From everything to nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** The least important message that is still logged. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What `console`, pino and most loggers are. */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** A logger that leaves out what is below the level, and never throws into its caller. */
export function createLeveledLogger(logger: Logger, level: LogLevel): Logger {
  const threshold = LOG_LEVELS.indexOf(level)
  const at = (name: keyof Logger): ((message: string) => void) => {
    if (LOG_LEVELS.indexOf(name) < threshold) return () => undefined
    return (message) => {
      // A logger that fails must not fail the work it tells of.
      callAside((text) => logger[name](text), message, ignore)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function ignore(): void {
  // There is nowhere to tell it.
}
