/** A database that is there for a benchmark. */
export interface Server {
  readonly settings: string
  /** The URL of a database, the same for each run, or a new file. */
  readonly url: () => string
  readonly stop: () => Promise<void>
}
