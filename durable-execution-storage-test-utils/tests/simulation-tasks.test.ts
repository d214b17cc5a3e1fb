/** What the README shows of simulations. */
import { expect, it } from 'vitest'

import { simulateSeeds, type SimulatedTasks } from '../src/index'

const greeted = new Set<string>()

const tasks: SimulatedTasks = {
  define: (executor, host) => {
    executor.task({
      id: 'greet',
      timeoutMs: 60_000,
      run: async (context, name: string) => {
        await host.sleep(300)
        greeted.add(context.executionId)
        return `Hello ${name}`
      },
    })
  },
  executions: [{ taskId: 'greet', input: 'world', executionId: 'first' }],
  check: (executions) =>
    executions
      .filter(({ status, executionId }) => status === 'completed' && !greeted.has(executionId))
      .map(({ executionId }) => `${executionId} greeted nobody`),
}

const report = await simulateSeeds({ seeds: 20, tasks })
const wrong = report.failures.flatMap(({ violations }) => violations.map(({ text }) => text))
if (wrong.length > 0) throw new Error(wrong.join('\n'))

it('simulates tasks of your own', () => {
  expect(report).toMatchObject({ seeds: 20, failures: [] })
})
