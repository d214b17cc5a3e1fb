/** A user function that ends when the test says so. */
import type { TaskRunContext } from '../../src/task/context'

/** One call of the function. */
export interface ControlledCall<TOutput, TInput> {
  readonly context: TaskRunContext
  readonly input: TInput
  readonly returns: (output: TOutput) => void
  readonly throws: (error: Error) => void
}

/** The function with the calls it got so far. */
export interface ControlledRun<TOutput, TInput> {
  readonly run: (context: TaskRunContext, input: TInput) => Promise<TOutput>
  readonly calls: readonly ControlledCall<TOutput, TInput>[]
  /** @throws If there was no such call. */
  readonly call: (index: number) => ControlledCall<TOutput, TInput>
}

/** Makes a function that ends when the test says so. */
export function createControlledRun<TOutput = string, TInput = undefined>(
  options: {
    /** Whether it ends by itself when its signal fires, with the signal's reason. @default false */
    heedsSignal?: boolean
  } = {},
): ControlledRun<TOutput, TInput> {
  const calls: ControlledCall<TOutput, TInput>[] = []
  return {
    calls,
    call: (index) => {
      const call = calls[index]
      if (!call) throw new Error(`There was no call ${index}, but ${calls.length} calls`)
      return call
    },
    run: (context, input) =>
      new Promise<TOutput>((resolve, reject) => {
        const throws = (error: Error): void => {
          reject(error)
        }
        calls.push({ context, input, returns: resolve, throws })
        if (options.heedsSignal !== true) return
        context.cancelSignal.addEventListener('abort', () => {
          throws(context.cancelSignal.reason as Error)
        })
      }),
  }
}
