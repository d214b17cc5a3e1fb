/** What is measured, and how a set of measurements is put together. */

/** The unit of each metric. */
export const UNITS = {
  enqueue: 'tasks/s',
  drain: 'tasks/s',
  drain_overlapped: 'tasks/s',
  drain_two_queues: 'tasks/s',
  drain_scattered: 'tasks/s',
  together: 'tasks/s',
  together_overlapped: 'tasks/s',
  result_p50: 'ms',
  result_p99: 'ms',
  result_idle_p50: 'ms',
  result_synced_p50: 'ms',
  result_synced_p99: 'ms',
  commit: 'ms',
  commit_idle: 'ms',
  cpu_us: 'µs/task',
  wal_bytes: 'bytes/task',
  cpu_us_together: 'µs/task',
  wal_bytes_together: 'bytes/task',
  fan_in: 'ms',
  fan_in_plain: 'ms',
  parents: 'ms',
  parents_plain: 'ms',
  deep_tree_level: 'ms/level',
  chain: 'ms',
  chain_steps: 'steps/s',
  one_worker: 'tasks/s',
  two_workers: 'tasks/s',
  four_workers: 'tasks/s',
  one_busy: '%',
  two_busy: '%',
  four_busy: '%',
  ran_twice: 'executions',
  deadlocks: 'deadlocks',
  takeover_p50: 'ms',
  takeover_p99: 'ms',
  takeover_max: 'ms',
  short_takeover_p50: 'ms',
  short_takeover_p99: 'ms',
  short_takeover_max: 'ms',
  not_taken_over: 'executions',
  statements: '1/s',
  idle_cpu: '%',
  statements_polling: '1/s',
  idle_cpu_polling: '%',
  exit: 'ms',
  heap: 'MB',
  rss_slope: 'MB/min',
  lag_p99: 'ms',
  throughput: 'tasks/s',
  start_p50: 'ms',
  start_p99: 'ms',
  pinned_throughput: 'tasks/s',
  pinned_start_p50: 'ms',
  pinned_start_p99: 'ms',
  cancel_p50: 'ms',
  cancel_p99: 'ms',
  http_p50: 'ms',
  http_p99: 'ms',
  http_cpu: 'µs/call',
  http_bare_p50: 'ms',
  http_bare_p99: 'ms',
  http_bare_cpu: 'µs/call',
  http_own_p50: 'ms',
  http_own_p99: 'ms',
  http_own_cpu: 'µs/call',
  http_by_hand_p50: 'ms',
  http_by_hand_p99: 'ms',
  http_by_hand_cpu: 'µs/call',
  http_ratio: '× bare + own',
  http_cpu_ratio: '× bare + own',
  http_result_p50: 'ms',
  http_result_p99: 'ms',
  http_result_cpu: 'µs/call',
  http_result_bare_p50: 'ms',
  http_result_bare_p99: 'ms',
  http_result_bare_cpu: 'µs/call',
  http_result_own_p50: 'ms',
  http_result_own_p99: 'ms',
  http_result_own_cpu: 'µs/call',
  http_result_by_hand_p50: 'ms',
  http_result_by_hand_p99: 'ms',
  http_result_by_hand_cpu: 'µs/call',
  http_result_ratio: '× bare + own',
  http_result_cpu_ratio: '× bare + own',
  http_calls: 'calls/s',
  http_bare_calls: 'calls/s',
  http_own_calls: 'calls/s',
  http_by_hand_calls: 'calls/s',
} as const

export type Metric = keyof typeof UNITS

/** The figures of one run of one system. */
export type Figures = Partial<Record<Metric, number>>

/** A figure over all runs, as it is written to the JSON file. */
export interface Measurement {
  readonly workload: string
  readonly storage: string
  readonly system: string
  readonly metric: Metric
  readonly unit: string
  /** The median of the runs. */
  readonly value: number
  readonly min: number
  readonly max: number
  readonly runs: number
  /** How the system was set up. */
  readonly settings: string
}

/** The middle of some numbers, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/**
 * The value below which a share of the numbers lies, interpolated linearly between neighbours.
 *
 * @param share - From 0 to 1.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) return NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** The median of each figure over rounds that measured the same. */
export function mediansOf(rounds: readonly Figures[]): Figures {
  const medians: Figures = {}
  for (const [metric, values] of valuesByMetric(rounds)) medians[metric] = median(values)
  return medians
}

function valuesByMetric(runs: readonly Figures[]): [metric: Metric, values: number[]][] {
  const metrics = new Set(runs.flatMap((figures) => Object.keys(figures) as Metric[]))
  return [...metrics].map((metric) => [metric, runs.flatMap((figures) => figures[metric] ?? [])])
}

/** Puts the runs of one system together. */
export function summarize(
  of: Pick<Measurement, 'workload' | 'storage' | 'system' | 'settings'>,
  runs: readonly Figures[],
): Measurement[] {
  return valuesByMetric(runs).map(([metric, values]) => ({
    workload: of.workload,
    storage: of.storage,
    system: of.system,
    metric,
    unit: UNITS[metric],
    value: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    runs: values.length,
    settings: of.settings,
  }))
}
