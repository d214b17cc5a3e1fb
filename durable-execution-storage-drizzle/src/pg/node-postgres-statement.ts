/**
 * A prepared statement as `pg` lets others bring one: the client hands it the connection to write on and the answers that come back.
 * What `pg` makes of a statement itself asks the server to describe the columns of its rows each time, and reads each value by its
 * type: here they are texts, and known. It takes half as long.
 */
import type { SqlRow } from '../row'

/** A connection of `pg`, below a client: what is written to it is on its way. */
export interface PgConnection {
  readonly stream: { cork?(): void; uncork?(): void }
  /** The texts of statements that this connection has prepared, by name, and of those that it is about to. */
  readonly parsedStatements: Readonly<Record<string, string | undefined>>
  readonly submittedNamedStatements?: Record<string, string | undefined>
  parse(statement: { readonly name: string; readonly text: string }): void
  bind(values: { readonly statement: string; readonly values: readonly (string | null)[] }): void
  execute(): void
  sync(): void
  sendCopyFail(reason: string): void
}

/** Columns as the texts that came: what they are is read here, and the parsers of `pg`, which users may have set, cost more. */
export const AS_TEXT = { getTypeParser: () => (value: string) => value }

type Rows = readonly SqlRow[]

type Callback = (error: Error | null, answer?: Rows | { readonly rows: Rows }) => void

/** One call of a prepared statement. The names of its members are those that a client of `pg` looks for. */
export class PreparedStatement {
  readonly name: string
  readonly text: string
  readonly values: readonly (string | null)[]
  /**
   * How `pg` is to read the rows where a wrapper of `query` gives it a copy of this: without its methods a copy is a statement like
   * any other.
   */
  readonly rowMode = 'array'
  readonly types = AS_TEXT
  /** A client with a time limit puts a callback of its own in its place. */
  callback: Callback
  private readonly received: SqlRow[] = []

  constructor(
    name: string,
    { text, params }: { readonly text: string; readonly params: readonly (string | null)[] },
    callback: (error: Error | null, rows?: Rows) => void,
  ) {
    this.name = name
    this.text = text
    this.values = params
    this.callback = (error, answer) => {
      // Of a copy it is a result of `pg`, whose rows they are.
      callback(error, answer && 'rows' in answer ? answer.rows : answer)
    }
  }

  submit(connection: PgConnection): null {
    const { stream } = connection
    // All in one packet.
    stream.cork?.()
    try {
      this.write(connection)
    } catch (error) {
      // What can't be written, as a text that is too long: the server says that it is ready for the next.
      connection.sync()
      this.handleError(error as Error)
    } finally {
      stream.uncork?.()
    }
    return null
  }

  private write(connection: PgConnection): void {
    const { name, text, values } = this
    const { parsedStatements, submittedNamedStatements } = connection
    if ((parsedStatements[name] ?? submittedNamedStatements?.[name]) === undefined) {
      connection.parse({ name, text })
      if (submittedNamedStatements) submittedNamedStatements[name] = text
    }
    connection.bind({ statement: name, values })
    connection.execute()
    connection.sync()
  }

  handleDataRow({ fields }: { readonly fields: SqlRow }): void {
    this.received.push(fields)
  }

  handleReadyForQuery(): void {
    this.callback(null, this.received)
  }

  handleError(error: Error): void {
    this.callback(error)
  }

  handleRowDescription(): void {
    // It is not asked for.
  }

  handleCommandComplete(): void {
    // The server says next that it is ready.
  }

  handleEmptyQuery(): void {
    // As above.
  }

  handlePortalSuspended(): void {
    // All rows are asked for at once.
  }

  handleCopyInResponse(connection: PgConnection): void {
    connection.sendCopyFail('Nothing to copy')
  }

  handleCopyData(): void {
    // No statement of the storage copies.
  }
}

/** Whether a client of `pg` takes statements that others made; that of `pg-native` and one that pipelines do not. */
export function takesStatements(client: object): boolean {
  const connection: unknown = Reflect.get(client, 'connection')
  if (typeof connection !== 'object' || connection === null) return false
  const verbs = ['parse', 'bind', 'execute', 'sync'].map((verb): unknown =>
    Reflect.get(connection, verb),
  )
  const parsed: unknown = Reflect.get(connection, 'parsedStatements')
  return (
    typeof parsed === 'object' &&
    parsed !== null &&
    verbs.every((verb) => typeof verb === 'function') &&
    Reflect.get(client, 'pipeline') !== true
  )
}
