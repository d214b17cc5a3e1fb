/** Many tenants on one router: their ids neither collide nor tell what exists. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { clientOf, handlesOf, serveTasks, type Caller } from './support/tasks-server'

async function start(executionIdPrefix = ({ tenant }: Caller): string => `${tenant}:`) {
  const storage = new InMemoryTaskExecutionsStorage()
  const server = await serveTasks({ storage, router: { executionIdPrefix } })
  return {
    server,
    storage,
    acme: handlesOf(server.url, {}, 'acme'),
    other: handlesOf(server.url, {}, 'other'),
  }
}

describe('tenants with prefixes', () => {
  it('use the same id for executions of their own', async () => {
    const { acme, other, storage } = await start()
    const options = { executionId: 'order:1' }
    expect(await acme.echo.enqueue('of acme', options)).toBe('order:1')
    expect(await other.echo.enqueue('of other', options)).toBe('order:1')
    expect(await acme.echo.waitAndGetOutput('order:1')).toBe('of acme')
    expect(await other.echo.waitAndGetOutput('order:1')).toBe('of other')
    const ids = storage.dump().map(({ executionId }) => executionId)
    expect(ids.toSorted()).toEqual(['acme:order:1', 'other:order:1'])
  })

  it('see no prefix', async () => {
    const { acme } = await start()
    const id = await acme.echo.enqueue(1)
    expect(id).toMatch(/^te_/)
    const execution = await acme.echo.waitAndGetFinishedExecution(id)
    expect(execution).toMatchObject({ executionId: id, root: { executionId: id } })
    expect(JSON.stringify(execution)).not.toContain('acme')
  })

  it('get the same answer for what another has as for what nobody has', async () => {
    const { acme, other, server } = await start()
    const id = await acme.hold.enqueue('a', { executionId: 'mine' })
    for (const tried of [id, 'none', `acme:${id}`, '../acme:mine']) {
      const call = { taskName: 'hold', executionId: tried }
      const client = clientOf(server.url, 'other')
      for (const answer of [
        client.getTaskExecution(call),
        client.waitForTaskExecution(call),
        client.cancelTaskExecution(call),
      ]) {
        await expect(answer).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: `Execution "${tried}" of task "hold" not found`,
        })
      }
    }
    await expect(other.hold.getExecution(id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(acme.hold.getExecution(id)).resolves.toMatchObject({ executionId: id })
  })

  it('have unique ids of sleeping executions of their own', async () => {
    const { acme, other } = await start()
    const id = await acme.approval.enqueue('order 1')
    await expect(
      other.approval.wakeup('order 1', { status: 'completed', output: { by: 'Eve' } }),
    ).rejects.toMatchObject({ code: 'not_found' })
    const others = await other.approval.enqueue('order 1')
    await other.approval.wakeup('order 1', { status: 'completed', output: { by: 'Bob' } })
    await acme.approval.wakeup('order 1', { status: 'completed', output: { by: 'Ada' } })
    expect(await acme.approval.waitAndGetFinishedExecution(id)).toMatchObject({
      input: 'order 1',
      output: { by: 'Ada' },
    })
    expect(await other.approval.waitAndGetOutput(others)).toEqual({ by: 'Bob' })
  })

  it('reach nothing of a tenant whose name begins with theirs', async () => {
    const { server } = await start()
    const long = handlesOf(server.url, {}, 'acme2')
    await long.echo.enqueue(1, { executionId: 'b' })
    const { echo } = handlesOf(server.url, {}, 'acme')
    await expect(echo.getExecution('2:b')).rejects.toMatchObject({ code: 'not_found' })
  })

  it('are told of a limit that leaves room for the prefix', async () => {
    const { acme } = await start()
    await acme.echo.enqueue(1, { executionId: 'x'.repeat(250) })
    await expect(acme.echo.enqueue(1, { executionId: 'x'.repeat(251) })).rejects.toThrow(
      'Invalid call of enqueueTask: options.executionId: expected at most 250 characters, got 251',
    )
    await expect(acme.echo.getExecution('x'.repeat(251))).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it.each(['', 'acme', 'a:b:', 'tenant_acme_', undefined, 'x'.repeat(300)])(
    'are let nowhere with a prefix that may be the beginning of another: %s',
    async (prefix) => {
      const { acme, storage } = await start(() => prefix as string)
      await expect(acme.echo.enqueue(1)).rejects.toMatchObject({
        message: 'Internal server error',
      })
      expect(storage.dump()).toEqual([])
    },
  )
})
