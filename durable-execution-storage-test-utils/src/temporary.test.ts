import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'

import { expect, it } from 'vitest'

import { cleanupTemporaryFiles, withTemporaryDirectory, withTemporaryFile } from './temporary'

it('gives a folder, and removes it with all that is in it', async () => {
  const path = await withTemporaryDirectory(async (directory) => {
    expect(existsSync(directory)).toBe(true)
    await writeFile(`${directory}/a`, 'text')
    return directory
  })
  expect(existsSync(path)).toBe(false)
})

it('gives a file that is not there yet, and removes what stands beside it too', async () => {
  const path = await withTemporaryFile(async (file) => {
    expect(existsSync(file)).toBe(false)
    await writeFile(file, 'text')
    await writeFile(`${file}-wal`, 'text')
    return file
  })
  expect(path).toMatch(/\.db$/)
  expect([existsSync(path), existsSync(`${path}-wal`)]).toEqual([false, false])
})

it('removes the folder also where the test fails', async () => {
  let path = ''
  const failing = withTemporaryDirectory((directory) => {
    path = directory
    throw new Error('the test failed')
  })
  await expect(failing).rejects.toThrow('the test failed')
  expect(existsSync(path)).toBe(false)
})

it('removes what a test that was broken off has left', async () => {
  let path = ''
  let end = (): void => undefined
  const running = withTemporaryDirectory((directory) => {
    path = directory
    return new Promise<void>((resolve) => {
      end = resolve
    })
  })
  await expect.poll(() => existsSync(path)).toBe(true)
  await cleanupTemporaryFiles()
  expect(existsSync(path)).toBe(false)
  end()
  await running
})
