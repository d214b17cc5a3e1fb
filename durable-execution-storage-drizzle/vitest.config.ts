import { configDefaults, defineConfig, type ViteUserConfig } from 'vitest/config'

import { vitestBase } from '../vitest.base.ts'

/** What watches the time, fills the machine, or has processes and servers of its own that it kills: one file at a time. */
const ALONE = [
  'tests/*-outages.test.ts',
  'tests/*-scale.test.ts',
  'tests/held-up.test.ts',
  'tests/load.test.ts',
  'tests/pg-push*.test.ts',
  'tests/pg-single-client.test.ts',
  'tests/pg-upgrade.test.ts',
  'tests/processes.test.ts',
  'src/*/plans.test.ts',
  'src/*/locks.test.ts',
  'src/mysql/outage.test.ts',
]

const { test: base = {}, ...rest } = vitestBase
const { include = [], reporters = [], coverage = {}, ...shared } = base

function project(test: NonNullable<ViteUserConfig['test']>): ViteUserConfig {
  return {
    ...rest,
    test: { ...shared, globalSetup: ['tests/support/global-setup.ts'], ...test },
  }
}

export default defineConfig({
  test: {
    reporters,
    coverage,
    passWithNoTests: true,
    projects: [
      // Cases and journeys, each on a table of its own: they wait for the database and for leases most of the time.
      project({
        name: 'together',
        include,
        exclude: [...configDefaults.exclude, ...ALONE],
        maxWorkers: 2,
        sequence: { groupOrder: 0 },
      }),
      project({
        name: 'alone',
        include: ALONE,
        maxWorkers: 1,
        typecheck: { enabled: false },
        sequence: { groupOrder: 1 },
      }),
    ],
  },
})
