/** The table of all measurements, as Markdown. */
import type { Measurement } from '../measurement'
import { WORKLOADS } from '../workloads/index'

/** One table a workload and storage: a row for each metric of each system. */
export function toMarkdown(measurements: readonly Measurement[]): string {
  const groups = grouped(measurements)
  return [...groups].map(([name, rows]) => section(name, rows)).join('\n')
}

function groupOf({ workload, storage }: Measurement): string {
  return `${workload} ${storage}`
}

function grouped(measurements: readonly Measurement[]): Map<string, Measurement[]> {
  const groups = new Map<string, Measurement[]>()
  for (const measurement of measurements) {
    const name = groupOf(measurement)
    groups.set(name, [...(groups.get(name) ?? []), measurement])
  }
  return groups
}

function section(name: string, rows: readonly Measurement[]): string {
  const [id, storage] = name.split(' ')
  const title = WORKLOADS.find((workload) => workload.id === id)?.title ?? ''
  const lines = rows.map(({ system, metric, unit, value, min, max }) => {
    const spread = `${format(min)}–${format(max)}`
    return `| ${system} | ${metric} | ${format(value)} | ${spread} | ${unit} |`
  })
  const settings = new Map(rows.map(({ system, settings: text }) => [system, text]))
  return [
    `### ${id}: ${title} (${storage})`,
    '',
    '| system | metric | median | spread | unit |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
    '',
    ...[...settings].map(([system, text]) => `- ${system}: ${text}`),
    '',
  ].join('\n')
}

/** A number with three digits that matter. */
function format(value: number): string {
  if (Number.isNaN(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}
