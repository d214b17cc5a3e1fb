/** What is written to the screen: lines, tables, and a bar that moves where the screen can do that. */
import { number } from './format'

const isTerminal = process.stdout.isTTY && process.env['TERM'] !== 'dumb'
const hasColors = isTerminal && !process.env['NO_COLOR']

function style(code: number, text: string): string {
  return hasColors ? `\u001B[${code}m${text}\u001B[0m` : text
}

export const bold = (text: string): string => style(1, text)
export const dim = (text: string): string => style(2, text)
export const red = (text: string): string => style(31, text)
export const green = (text: string): string => style(32, text)

/** Prints a line. */
export function say(line = ''): void {
  console.log(line === '' ? '' : `  ${line}`)
}

/** Prints rows of a name and a value, below one another. */
export function sayTable(rows: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) say(`${dim(name.padEnd(width))}  ${value}`)
}

const BAR_WIDTH = 20
const CLEAR_LINE = '\r\u001B[2K'
/** How often a screen that cannot move gets a line. */
const PLAIN_INTERVAL_MS = 1000

/** The progress of the files. */
export class ProgressBar {
  private readonly total: number
  private text = ''
  private shownText = ''
  private shownAt = -Infinity

  constructor(total: number) {
    this.total = total
  }

  /** Shows how many files are done. Cheap enough to be called all the time. */
  show(done: number, note: string): void {
    const share = this.total === 0 ? 1 : Math.min(1, done / this.total)
    const full = Math.round(share * BAR_WIDTH)
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
    const percent = `${Math.floor(share * 100)}`.padStart(3)
    this.text = `${bar} ${percent} %  ${number(done)} of ${number(this.total)} files${note}`
    if (isTerminal || performance.now() - this.shownAt >= PLAIN_INTERVAL_MS) this.print()
  }

  /** Shows the last state, and leaves it standing: what is said next goes below. */
  rest(): void {
    this.print()
    if (isTerminal && this.shownText !== '') process.stdout.write('\n')
    this.text = this.shownText = ''
    this.shownAt = -Infinity
  }

  private print(): void {
    if (this.text === this.shownText) return
    if (isTerminal) process.stdout.write(`${CLEAR_LINE}  ${fitted(this.text)}`)
    else say(this.text)
    this.shownText = this.text
    this.shownAt = performance.now()
  }
}

/** A line that is too long for the terminal could not be written over. */
function fitted(text: string): string {
  return text.slice(0, (process.stdout.columns || 80) - 3)
}
