// Sums the test reports of all packages and prints `N passed, N failed[, N skipped]`.
// Names each failed test, with the first line of what it failed with: the log above is long.
// A package whose runner left no report counts as one failure. Given an argument that isn't 0 (the exit code of the
// test command, say), it reports at least one failure. Exits with 1 when anything failed.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

import { readPackages } from './packages.js'

const exitCodes = process.argv.slice(2)
const totals = { passed: 0, failed: 0, skipped: 0 }

for (const { folder, path, manifest } of readPackages()) {
  if (!manifest.scripts?.['test']) continue
  const report = readReport(path)
  const { passed, failed, skipped } = report ?? { passed: 0, failed: 1, skipped: 0 }
  console.log(
    `${folder}: ${report ? `${passed} passed, ${failed} failed, ${skipped} skipped` : 'no report'}`,
  )
  for (const failure of report?.failures ?? []) console.log(`  failed: ${failure}`)
  totals.passed += passed
  totals.failed += failed
  totals.skipped += skipped
}

// Errors outside of any test (an unhandled rejection, say) are in no report.
if (totals.failed === 0 && exitCodes.some((code) => code !== '0')) totals.failed = 1

const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`)
process.exitCode = totals.failed > 0 ? 1 : 0

/** @param {string} packagePath */
function readReport(packagePath) {
  /** @type {VitestReport} */
  let report
  try {
    report = JSON.parse(readFileSync(join(packagePath, '.reports/vitest.json'), 'utf8'))
  } catch {
    return undefined
  }
  // A file that could not be loaded has failed without a single test.
  const brokenFiles = report.testResults.filter(
    (file) =>
      file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: report.testResults.flatMap((file) => {
      const path = relative(packagePath, file.name)
      if (brokenFiles.includes(file)) return `${path}: ${firstLine(file.message)}`
      return file.assertionResults
        .filter((test) => test.status === 'failed')
        .map((test) => `${path}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`)
    }),
  }
}

/** @param {string | undefined} text */
function firstLine(text = '') {
  return text.trim().split('\n', 1)[0]
}

/**
 * @typedef {{
 *   numPassedTests: number
 *   numFailedTests: number
 *   numPendingTests: number
 *   numTodoTests: number
 *   testResults: {
 *     name: string
 *     status: string
 *     message?: string
 *     assertionResults: { status: string; fullName: string; failureMessages?: string[] }[]
 *   }[]
 * }} VitestReport
 */
