// Sums the test reports of all packages and prints `N passed, N failed[, N skipped]`.
// A package whose runner left no report counts as one failure. Given an argument that isn't 0 (the exit code of the
// test command, say), it reports at least one failure. Exits with 1 when anything failed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { readPackages } from './packages.js'

const exitCodes = process.argv.slice(2)
const totals = { passed: 0, failed: 0, skipped: 0 }

for (const { folder, path, manifest } of readPackages()) {
  if (!manifest.scripts?.['test']) continue
  const counts = countReport(join(path, '.reports/vitest.json'))
  const { passed, failed, skipped } = counts ?? { passed: 0, failed: 1, skipped: 0 }
  console.log(
    `${folder}: ${counts ? `${passed} passed, ${failed} failed, ${skipped} skipped` : 'no report'}`,
  )
  totals.passed += passed
  totals.failed += failed
  totals.skipped += skipped
}

// Errors outside of any test (an unhandled rejection, say) are in no report.
if (totals.failed === 0 && exitCodes.some((code) => code !== '0')) totals.failed = 1

const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`)
process.exitCode = totals.failed > 0 ? 1 : 0

/** @param {string} path */
function countReport(path) {
  /** @type {VitestReport} */
  let report
  try {
    report = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
  // A file that could not be loaded has failed without a single test.
  const brokenFiles = report.testResults.filter(
    (file) =>
      file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/**
 * @typedef {{
 *   numPassedTests: number
 *   numFailedTests: number
 *   numPendingTests: number
 *   numTodoTests: number
 *   testResults: { status: string; assertionResults: { status: string }[] }[]
 * }} VitestReport
 */
