/** How the page looks, in the light and in the dark. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --text: #1c2430; --dim: #667085; --line: #e3e6eb;
  --accent: #3056d3; --bar: #dbe4ff; --row: #f2f5ff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12151b; --card: #1a1f28; --text: #e6e9ef; --dim: #97a1b2; --line: #2a313d;
    --accent: #8ea8ff; --bar: #28345c; --row: #202735;
  }
}
* { box-sizing: border-box }
body {
  margin: 0; padding: 2.5rem 1.5rem 4rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
}
main { max-width: 76rem; margin: 0 auto; display: grid; gap: 1.25rem }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.02em }
h2 { margin: 0 0 .8rem; font-size: 1rem }
header p { margin: .2rem 0 0; color: var(--dim); overflow-wrap: anywhere }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem; min-width: 0 }
.totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1.25rem }
.totals strong { display: block; font-size: 1.6rem; letter-spacing: -.02em; line-height: 1.2 }
.totals span, .note { color: var(--dim) }
.note { font-size: .85rem; margin: .8rem 0 0 }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.25rem; align-items: start }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600; font-size: .8rem; color: var(--dim) }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
tbody tr:last-child td { border-bottom: 0 }
.number { text-align: right; white-space: nowrap }
.bars td { padding: .2rem .6rem; border: 0 }
.bars td:first-child { width: 35%; overflow-wrap: anywhere }
.bars td:nth-child(2) { width: 50% }
.bar { display: block; min-width: 2px; height: .8rem; margin-top: .35rem; border-radius: 3px; background: var(--bar) }
.tools { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin-bottom: .8rem }
.tools h2 { margin: 0; flex: 1 }
input, select {
  font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; padding: .35rem .6rem;
}
input { width: 16rem; max-width: 100% }
.scroll { overflow-x: auto }
.files { min-width: 56rem }
.files th button { all: unset; cursor: pointer }
.files th button:hover, .files th[aria-sort] button { color: var(--accent) }
.files th button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.files th[aria-sort='ascending'] button::after { content: ' ↑' }
.files th[aria-sort='descending'] button::after { content: ' ↓' }
.files tbody tr:hover { background: var(--row) }
.files small { display: block; color: var(--dim); overflow-wrap: anywhere }
.files td { max-width: 26rem }
.terms { color: var(--dim); font-size: .85rem }
code { font: .85em ui-monospace, 'SF Mono', Menlo, Consolas, monospace; color: var(--dim) }
`
