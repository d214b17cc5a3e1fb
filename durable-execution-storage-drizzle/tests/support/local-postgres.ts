/** Where a PostgreSQL server is looked for that no variable names. */
export const LOCAL_POSTGRES_URL = 'postgres://postgres@127.0.0.1:5432/test'
