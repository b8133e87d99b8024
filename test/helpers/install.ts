import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const script = fileURLToPath(new URL('../../scripts/install.mjs', import.meta.url))

/** Installs a folder's locked packages unless they are there; test files that ask at the same time wait for the first. */
export async function installFolder(folder: string): Promise<void> {
  const result = await execa(process.execPath, [script, folder], { stdin: 'ignore', timeout: 300_000, reject: false, all: true })
  if (result.exitCode !== 0) throw new Error(`cannot install ${folder}:\n${result.all}`)
}
