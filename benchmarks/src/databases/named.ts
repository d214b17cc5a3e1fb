/** A database of our own on a server that somebody named: what is in its others stays as it is. */
import mysql from 'mysql2/promise'
import pg from 'pg'

import type { Server } from './server'

/** Makes a database, which is removed in the end. */
export async function databaseOn(
  storage: 'pg' | 'mysql' | 'mariadb',
  server: string,
  settings: string,
): Promise<Server> {
  const name = `durable_execution_bench_${process.pid}_${Date.now()}`
  const execute = storage === 'pg' ? onPostgres : onMysql
  await execute(server, `CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    settings: `the server of ${settings}`,
    url: () => url.href,
    stop: () => execute(server, `DROP DATABASE ${name}`),
  }
}

async function onPostgres(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

async function onMysql(uri: string, text: string): Promise<void> {
  const connection = await mysql.createConnection({ uri })
  try {
    await connection.query(text)
  } finally {
    await connection.end()
  }
}
