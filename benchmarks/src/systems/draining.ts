/** How bare SQL drains: claims and completions, until nothing is left to claim. Both answer how many rows that were. */

type Claim<TRow> = () => Promise<readonly TRow[]>
type Complete<TRow> = (rows: readonly TRow[]) => Promise<void>

/** One after the other. */
export async function drainInTurn<TRow>(
  claim: Claim<TRow>,
  complete: Complete<TRow>,
): Promise<number> {
  let count = 0
  for (;;) {
    const rows = await claim()
    if (rows.length === 0) return count
    await complete(rows)
    count += rows.length
  }
}

/** While one batch is completed the next is claimed. */
export async function drainOverlapped<TRow>(
  claim: Claim<TRow>,
  complete: Complete<TRow>,
): Promise<number> {
  let count = 0
  let completed: Promise<void> = Promise.resolve()
  for (;;) {
    const rows = await claim()
    await completed
    if (rows.length === 0) return count
    completed = complete(rows)
    count += rows.length
  }
}
