// Writes the public surface of each published package into <package>/api/<entry>.api.md, from its built types.
// With --check it changes nothing, and fails where a committed report isn't what the build says.
import { existsSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'

import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'

import { readPackages } from './packages.js'

const isCheck = process.argv.includes('--check')
const published = readPackages().filter(({ manifest }) => !manifest.private)
const stale = published.flatMap(({ path, manifest }) =>
  typesOf(manifest).flatMap((types) => (report(path, types) ? [] : [`${manifest.name}: ${types}`])),
)

if (stale.length > 0) {
  console.error(`The API report is not that of the build:\n  ${stale.join('\n  ')}`)
  console.error(
    'If the change of the surface is meant, run `pnpm api-report` and commit the result.',
  )
  process.exitCode = 1
}

/** @param {import('./packages.js').Manifest} manifest @returns {string[]} */
function typesOf(manifest) {
  return Object.values(manifest.exports ?? {}).flatMap((entry) =>
    typeof entry === 'object' && entry.types ? [entry.types] : [],
  )
}

/**
 * Writes or checks the report of one entry.
 *
 * @param {string} path
 * @param {string} types
 */
function report(path, types) {
  const reportFolder = join(path, 'api')
  const reportFileName = `${basename(types, '.d.ts')}.api.md`
  mkdirSync(reportFolder, { recursive: true })
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: path,
      mainEntryPointFilePath: join(path, types),
      compiler: { overrideTsconfig: compilerSettings(path) },
      apiReport: {
        enabled: true,
        reportFolder,
        reportTempFolder: join(path, 'temp/api'),
        reportFileName,
        includeForgottenExports: true,
      },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Warning } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning },
          // Stands in the report itself
          'ae-undocumented': { logLevel: ExtractorLogLevel.None },
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.None },
        },
        // How a comment reads in the documentation is for typedoc to say.
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(path, 'package.json'),
  })
  if (isCheck && !existsSync(config.reportFilePath)) return false
  const result = Extractor.invoke(config, { localBuild: !isCheck, messageCallback })
  return result.errorCount === 0 && !(isCheck && result.apiReportChanged)
}

/** @param {import('@microsoft/api-extractor').ExtractorMessage} message */
function messageCallback(message) {
  // Known and harmless: the TypeScript inside of api-extractor is older than ours.
  if (message.messageId === 'console-compiler-version-notice') message.handled = true
  if (message.messageId === 'console-preamble') message.handled = true
}

/** @param {string} path */
function compilerSettings(path) {
  return {
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'ESNext',
      moduleResolution: 'bundler',
      types: ['node'],
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    },
    include: [join(path, 'dist')],
  }
}
