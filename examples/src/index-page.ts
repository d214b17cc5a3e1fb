/** The index as a page: one file, with nothing from elsewhere. */
import type { FileSummary } from './file-summary'
import type { FolderIndex, Totals } from './folder-index'
import { bytes, number } from './format'
import { KIND_LABELS, KINDS } from './kinds'
import { Markup, markup } from './markup'
import { PAGE_SCRIPT } from './page-script'
import { PAGE_STYLE } from './page-style'
import type { TermCount } from './terms'

export function renderPage(index: FolderIndex): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Index of ${index.folder}</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>Index of ${number(index.totals.files)} files</h1>
<p>${index.folder}<br>made ${index.madeAt.slice(0, 16).replace('T', ' ')} UTC by durable tasks</p>
</header>
${renderTotals(index.totals)}
${renderKinds(index)}
<div class="columns">
${renderBars('Most frequent terms', index.topTerms, 'Summed over the ten most frequent terms of each file.')}
${renderBars('Most linked hosts', index.topHosts, 'In how many files the host is among the first five links.')}
</div>
${renderFailures(index)}
${renderFiles(index)}
</main>
<script>${new Markup(PAGE_SCRIPT)}</script>
</body>
</html>
`.text
}

function renderTotals({ files, bytes: size, words, links }: Totals): Markup {
  const figures = [
    ['files', number(files)],
    ['of text', bytes(size)],
    ['words', number(words)],
    ['links', number(links)],
  ] as const
  return markup`<section class="card totals">${figures.map(
    ([label, figure]) => markup`<div><strong>${figure}</strong><span>${label}</span></div>`,
  )}</section>`
}

function renderKinds({ byKind }: FolderIndex): Markup {
  const rows = KINDS.map((kind) => {
    const totals = byKind[kind]
    return markup`<tr><td>${KIND_LABELS[kind]}</td>${[totals.files, totals.words, totals.links].map(
      (value) => markup`<td class="number">${number(value)}</td>`,
    )}<td class="number">${bytes(totals.bytes)}</td></tr>`
  })
  return markup`<section class="card scroll"><h2>By kind</h2><table>
<thead><tr><th>Kind</th><th class="number">Files</th><th class="number">Words</th><th class="number">Links</th><th class="number">Size</th></tr></thead>
<tbody>${rows}</tbody></table></section>`
}

function renderBars(title: string, counts: readonly TermCount[], note: string): Markup {
  const most = Math.max(1, ...counts.map(({ count }) => count))
  const rows = counts.map(
    ({ term, count }) =>
      markup`<tr><td>${term}</td><td><span class="bar" style="width: ${((count / most) * 100).toFixed(1)}%"></span></td><td class="number">${number(count)}</td></tr>`,
  )
  return markup`<section class="card"><h2>${title}</h2><table class="bars"><tbody>${rows}</tbody></table><p class="note">${note}</p></section>`
}

function renderFailures({ failures }: FolderIndex): Markup | string {
  if (failures.length === 0) return ''
  const rows = failures.map(
    ({ path, message }) => markup`<tr><td>${path}</td><td>${message}</td></tr>`,
  )
  return markup`<section class="card"><h2>Not readable</h2><table><tbody>${rows}</tbody></table></section>`
}

function renderFiles({ files }: FolderIndex): Markup {
  const choices = KINDS.map((kind) => markup`<option value="${kind}">${KIND_LABELS[kind]}</option>`)
  return markup`<section class="card">
<div class="tools"><h2>Files (<span id="shown">${number(files.length)}</span>)</h2>
<select id="kind" aria-label="Kind"><option value="">All kinds</option>${choices}</select>
<input id="search" type="search" placeholder="Filter by path, title or term" aria-label="Filter"></div>
<div class="scroll"><table class="files">
<thead><tr><th><button>File</button></th><th><button>Kind</button></th><th class="number"><button>Size</button></th><th class="number"><button>Words</button></th><th class="number"><button>Links</button></th><th><button>Top terms</button></th><th>SHA-256</th></tr></thead>
<tbody>${files.map(renderFile)}</tbody>
</table></div></section>`
}

function renderFile(file: FileSummary): Markup {
  const { path, kind, title, sha256, topTerms } = file
  const terms = topTerms.slice(0, 5).map(({ term }) => term)
  return markup`
<tr data-kind="${kind}"><td>${title}<small>${path}</small></td><td>${KIND_LABELS[kind]}</td>${[
    renderValue(file.bytes, bytes(file.bytes)),
    renderValue(file.wordCount, number(file.wordCount)),
    renderValue(file.linkCount, number(file.linkCount)),
  ]}<td class="terms">${terms.join(', ')}</td><td><code title="${sha256}">${sha256.slice(0, 10)}</code></td></tr>`
}

function renderValue(value: number, text: string): Markup {
  return markup`<td class="number" data-value="${value}">${text}</td>`
}
