import { simulate } from './simulate'
const from = Number(process.argv[2] ?? 1), count = Number(process.argv[3] ?? 20)
const withTrace = process.argv[4] === 'trace'
const t0 = performance.now(); let steps = 0; let bad = 0; let vms=0
const kinds: Record<string, number[]> = {}
for (let seed = from; seed < from + count; seed += 1) {
  const r = await simulate({ seed, trace: withTrace ? (l) => console.log(l) : undefined })
  steps += r.steps; vms += r.virtualMs
  if (r.violations.length) {
    bad += 1
    const v = r.violations[0]!
    const k = v.guarantee + ' ' + v.text.replace(/\b(te|own|i)_[\w-]+/g,'ID').replace(/p\d\w*/g,'P').replace(/e\d\.\d+/g,'E').replace(/\d+/g,'N')
    ;(kinds[k.slice(0,200)] ??= []).push(seed)
  }
}
for (const [k, seeds] of Object.entries(kinds)) console.log(seeds.length, k, seeds.slice(0,8).join(','))
console.log({ count, bad, steps, ms: Math.round(performance.now()-t0), usPerStep: (performance.now()-t0)*1000/steps, vms })
