/** The processes of the service, as the one that starts them sees them. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'

import { toEnvironment, type ServiceSettings } from './settings'

/** A process that has said it is ready. */
export class ServiceProcess {
  private readonly child: ChildProcess
  private readonly ended: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.child = child
    this.ended = once(child, 'close')
    this.ended.catch(() => undefined)
  }

  /** @throws If it ends before it is ready: what it printed says why. */
  static async start(program: string, settings: ServiceSettings): Promise<ServiceProcess> {
    const child = fork(join(import.meta.dirname, program), { env: toEnvironment(settings) })
    const started = new ServiceProcess(child)
    const ended = started.ended.then(() => {
      throw new Error(`${program} ended by itself: what it printed above says why`)
    })
    await Promise.race([once(child, 'message'), ended])
    return started
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** Ends it at once: nothing in it learns of it. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  /** Tells it to end in good order. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    await this.ended
  }
}

/** A port that is free now. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
