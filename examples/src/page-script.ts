/** What moves on the page: the filter and the sorting of the files. Without it the page shows everything all the same. */
export const PAGE_SCRIPT = `
const table = document.querySelector('.files')
const body = table.tBodies[0]
const rows = [...body.rows]
const search = document.querySelector('#search')
const kind = document.querySelector('#kind')
const shown = document.querySelector('#shown')

const filter = () => {
  const wanted = search.value.toLowerCase()
  let count = 0
  for (const row of rows) {
    const fits = (!kind.value || row.dataset.kind === kind.value) && row.textContent.toLowerCase().includes(wanted)
    row.hidden = !fits
    if (fits) count += 1
  }
  shown.textContent = count.toLocaleString('en-US')
}
search.addEventListener('input', filter)
kind.addEventListener('change', filter)

table.tHead.addEventListener('click', ({ target }) => {
  const head = target.closest('button')?.parentElement
  if (!head) return
  const isNumber = head.classList.contains('number')
  const current = head.getAttribute('aria-sort')
  const isUp = current ? current === 'descending' : !isNumber
  for (const other of head.parentElement.cells) other.removeAttribute('aria-sort')
  head.setAttribute('aria-sort', isUp ? 'ascending' : 'descending')
  const valueOf = (row) => {
    const cell = row.cells[head.cellIndex]
    return isNumber ? Number(cell.dataset.value) : cell.textContent.toLowerCase()
  }
  const sorted = rows.map((row) => [valueOf(row), row])
  sorted.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (isUp ? 1 : -1))
  body.append(...sorted.map(([, row]) => row))
})

filter()
`
