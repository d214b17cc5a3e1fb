import { mergeConfig } from 'vitest/config'

import { vitestBase } from '../vitest.base.ts'

// Outages and journeys wait most of the time.
export default mergeConfig(vitestBase, {
  test: { globalSetup: ['tests/support/global-setup.ts'], maxWorkers: 2 },
})
