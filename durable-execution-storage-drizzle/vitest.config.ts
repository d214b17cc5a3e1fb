import { mergeConfig } from 'vitest/config'

import { vitestBase } from '../vitest.base.ts'

export default mergeConfig(vitestBase, { test: { globalSetup: ['tests/support/global-setup.ts'] } })
