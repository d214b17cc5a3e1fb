import type { Options } from 'tsup'

/** What the packages' `tsup.config.ts` share: ES modules for Node, and one rolled-up .d.ts per entry. */
export const tsupBase: Options = {
  format: 'esm',
  platform: 'node',
  removeNodeProtocol: false,
  target: 'node20',
  tsconfig: 'tsconfig.build.json',
  dts: {
    // tsup sets `baseUrl`, which TypeScript 6 calls deprecated.
    compilerOptions: { ignoreDeprecations: '6.0' },
  },
  sourcemap: true,
  clean: true,
  treeshake: true,
}
