import { defineConfig, type ViteUserConfig } from 'vitest/config'

/**
 * A package of this workspace is read from its source: tests need no build. Not `import`: Vite adds it itself where it holds, and
 * Node, which is given these conditions too, would let `require` find ES modules (`pg` does not load then).
 */
const conditions = ['@durable-execution/source', 'node', 'module', 'default']

/** The configuration that the packages' `vitest.config.ts` share; paths are those of the package. */
export const vitestBase: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    typecheck: {
      enabled: true,
      include: ['src/**/*.test-d.ts'],
      tsconfig: './tsconfig.build.json',
      // Errors in other files are those of `pnpm type-check`.
      ignoreSourceErrors: true,
    },
    passWithNoTests: true,
    // For a machine that does other things at the same time: what hangs fails all the same.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The report is what `.ci/run` counts.
    reporters: ['default', ['json', { outputFile: '.reports/vitest.json' }]],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/**/*.test-d.ts'],
      reporter: ['text', 'html', 'json-summary'],
    },
  },
})
