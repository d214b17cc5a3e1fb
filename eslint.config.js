// @ts-check
import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const SOURCES = ['durable-execution*/src/**/*.ts']
const TESTS = ['**/*.test.ts', '**/*.test-d.ts', '**/tests/**/*.ts']
const CORE = 'durable-execution/src'

const INJECTED =
  'The clock, timers, ids and randomness are given as arguments; only src/lib/ makes them.'

/** Modules that would bring a clock, a timer or randomness in by a side door. */
const clockModules = [
  { name: 'node:timers', message: INJECTED },
  { name: 'timers', message: INJECTED },
  { name: 'node:timers/promises', message: INJECTED },
  { name: 'timers/promises', message: INJECTED },
  { name: 'node:perf_hooks', message: INJECTED },
  ...['node:crypto', 'crypto'].map((name) => ({
    name,
    importNames: ['randomUUID', 'randomBytes', 'randomInt', 'getRandomValues'],
    message: INJECTED,
  })),
]

const timerFunctions = ['setTimeout', 'setInterval', 'setImmediate']

/** Rules that keep the clock, timers, ids and randomness out of a file. */
const noClock = defineConfig({
  rules: {
    'no-restricted-globals': [
      'error',
      ...timerFunctions.map((name) => ({ name, message: INJECTED })),
    ],
    'no-restricted-properties': [
      'error',
      ...timerFunctions.map((property) => ({ object: 'globalThis', property, message: INJECTED })),
      { object: 'Date', property: 'now', message: INJECTED },
      { object: 'Math', property: 'random', message: INJECTED },
      { object: 'performance', property: 'now', message: INJECTED },
      { object: 'process', property: 'hrtime', message: INJECTED },
      { object: 'crypto', property: 'randomUUID', message: INJECTED },
      { object: 'crypto', property: 'getRandomValues', message: INJECTED },
      { object: 'AbortSignal', property: 'timeout', message: INJECTED },
    ],
    'no-restricted-imports': ['error', { paths: clockModules }],
  },
})[0]?.rules

const syntaxOfSources = [
  { selector: 'ExportAllDeclaration', message: 'List each public name by hand.' },
  { selector: 'TSEnumDeclaration', message: 'Use a union of literals.' },
]

/**
 * What a folder of the core may import besides itself. Dependencies point one way:
 * lib <- execution <- storage <- runtime <- executor.
 */
const layers = {
  lib: [],
  execution: ['lib', 'errors'],
  storage: ['lib', 'execution', 'errors'],
  task: ['lib', 'execution', 'errors'],
  runtime: ['lib', 'execution', 'storage', 'task', 'errors', 'serializer', 'logger', 'options'],
}

/**
 * @param {string} folder
 * @param {string[]} allowed
 * @param {number} depth below the folder
 * @returns {import('eslint').Linter.Config}
 */
function layer(folder, allowed, depth) {
  const up = String.raw`\.\./`.repeat(depth + 1)
  const names = allowed.length > 0 ? String.raw`(?!(?:${allowed.join('|')})(?:/|\.js$|$))` : ''
  return {
    files: [`${CORE}/${folder}${'/*'.repeat(depth)}/*.ts`],
    ignores: TESTS,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          // lib is where the clock is made
          paths: folder === 'lib' ? [] : clockModules,
          patterns: [
            {
              regex: `^${up}${names}`,
              message: `${folder}/ may only import ${['itself', ...allowed].join(', ')}.`,
            },
          ],
        },
      ],
    },
  }
}

/** A top-level file of the core: none but index.ts knows the executor, and errors.ts knows nothing. */
const topLevelFiles = defineConfig([
  {
    files: [`${CORE}/*.ts`],
    ignores: [...TESTS, `${CORE}/index.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: clockModules,
          patterns: [
            {
              regex: String.raw`^\./(?:executor|index)(?:\.js)?$`,
              message: 'Only index.ts imports the executor.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['errors', 'serializer', 'logger'].map((name) => `${CORE}/${name}.ts`),
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: clockModules,
          patterns: [
            {
              regex: String.raw`^\./(?!(?:lib/|errors(?:\.js)?$))`,
              message: 'May only import lib/ and errors.',
            },
          ],
        },
      ],
    },
  },
])

/** A suppression says why: `eslint-disable-next-line rule -- the reason`. */
const suppressionReason = {
  meta: {
    type: /** @type {const} */ ('problem'),
    schema: [],
    messages: { missing: 'A suppression names its rules and carries its reason after `--`.' },
  },
  /** @param {import('eslint').Rule.RuleContext} context */
  create(context) {
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments()) {
          const text = comment.value.trim()
          const isComplete = /^eslint-disable(?:-next-line|-line)?\s+[^\s-].*\s--\s+\S/s.test(text)
          if (/^eslint-disable\b/.test(text) && !isComplete && comment.loc) {
            context.report({ loc: comment.loc, messageId: 'missing' })
          }
        }
      },
    }
  },
}

export default defineConfig([
  globalIgnores([
    '**/dist/',
    '**/coverage/',
    '**/.tsc/',
    '**/.turbo/',
    '**/.reports/',
    '**/temp/',
    '**/api-docs/',
    '**/.documentation/',
    'docs/api/',
  ]),
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { local: { rules: { 'suppression-reason': suppressionReason } } },
    rules: {
      'local/suppression-reason': 'error',
      complexity: ['error', { max: 16, variant: 'modified' }],
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'max-depth': ['error', 3],
      'no-console': 'error',
      'no-else-return': 'error',
      'no-param-reassign': 'error',
      'no-promise-executor-return': ['error', { allowVoid: true }],
      'object-shorthand': 'error',
      'prefer-template': 'error',
      '@typescript-eslint/ban-ts-comment': [
        'error',
        {
          minimumDescriptionLength: 10,
          'ts-expect-error': 'allow-with-description',
          'ts-ignore': true,
          'ts-nocheck': true,
        },
      ],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-empty-object-type': [
        'error',
        { allowInterfaces: 'with-single-extends' },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // What answers a promise by contract is `async` even where nothing is waited for: a throw becomes a rejection.
      '@typescript-eslint/require-await': 'off',
    },
  },

  // Sources: short files and functions, without exception, and what they need comes in as arguments.
  {
    files: SOURCES,
    ignores: TESTS,
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': [
        'error',
        ...syntaxOfSources,
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: INJECTED },
        { selector: 'CallExpression[callee.name="Date"]', message: INJECTED },
      ],
      ...noClock,
    },
  },
  {
    files: ['durable-execution*/src/lib/**/*.ts'],
    rules: {
      'no-restricted-globals': 'off',
      'no-restricted-imports': 'off',
      'no-restricted-properties': 'off',
      'no-restricted-syntax': ['error', ...syntaxOfSources],
    },
  },

  // Layers of the core
  ...Object.entries(layers).flatMap(([folder, allowed]) =>
    [0, 1, 2].map((depth) => layer(folder, allowed, depth)),
  ),
  ...topLevelFiles,

  // Examples and benchmarks print; tests say which seed they run with.
  { files: ['examples/**', 'benchmarks/**', ...TESTS], rules: { 'no-console': 'off' } },

  // Configuration and scripts: `tsc` checks their types.
  {
    files: ['**/*.js', '**/*.config.ts', '*.ts'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
    rules: { 'no-console': 'off' },
  },
])
