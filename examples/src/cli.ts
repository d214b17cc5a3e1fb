/** The command line: reads the options, runs the demo, and says what went wrong. */
import { HELP, readOptions, UsageError } from './options'
import { red, say } from './screen'

const interrupt = new AbortController()
process.once('SIGINT', () => {
  interrupt.abort()
})

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options === null) {
      console.log(HELP)
      return 0
    }
    // Only now, so that help and mistakes are answered at once.
    const { runDemo } = await import('./demo')
    return (await runDemo(options, interrupt.signal)) ? 0 : 1
  } catch (error) {
    if (interrupt.signal.aborted) {
      say('Interrupted. What is done stays done: run it again with --keep, and it goes on.')
      return 130
    }
    if (error instanceof UsageError) {
      console.error(red(error.message))
      return 2
    }
    console.error(red('The demo failed.'))
    console.error(error)
    return 1
  }
}
