/** What the processes of the service are started with: each reads the same variables. */

/** Where everything is, and the tokens by which the processes know one another. */
export interface ServiceSettings {
  readonly executorPort: number
  readonly shopPort: number
  /** `postgres://…`, or `file:…` for SQLite. */
  readonly databaseUrl: string
  readonly tableName: string
  /** The shop's: it may do everything with tasks. */
  readonly shopToken: string
  /** A dashboard's: it may look. */
  readonly dashboardToken: string
  /** The executor's, for the shop's business procedures. */
  readonly executorToken: string
}

const VARIABLE = 'SERVICE_SETTINGS'

/** The environment of a process of the service. */
export function toEnvironment(settings: ServiceSettings): NodeJS.ProcessEnv {
  return { ...process.env, [VARIABLE]: JSON.stringify(settings) }
}

/** The settings that this process was started with. */
export function readSettings(): ServiceSettings {
  const text = process.env[VARIABLE]
  if (text === undefined) {
    throw new Error('The service starts its processes: run `pnpm example:service`')
  }
  return JSON.parse(text) as ServiceSettings
}

export function executorUrl({ executorPort }: ServiceSettings): string {
  return `http://127.0.0.1:${executorPort}`
}

export function shopUrl({ shopPort }: ServiceSettings): string {
  return `http://127.0.0.1:${shopPort}`
}
