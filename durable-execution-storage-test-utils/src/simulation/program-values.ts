/** Values of programs, put shortly: outputs name what went in by a digest. */

/** A short text for a value. Ids of executions are left out: they are drawn anew in every world. */
export function digest(value: unknown): string {
  if (typeof value === 'string' && value.length <= 12) return value
  return hash(JSON.stringify(normal(value)) ?? 'undefined')
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo). */
function hash(text: string): string {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  }
  return (state >>> 0).toString(16).padStart(8, '0')
}

function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .filter(([key]) => key !== 'executionId' && key !== 'error')
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, part]) => [key, normal(part)]))
}
