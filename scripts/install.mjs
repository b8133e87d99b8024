// Installs the packages of a folder with `npm ci` when they are missing or differ from its lock file.
//   node scripts/install.mjs [FOLDER]
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

/**
 * Whether node_modules holds exactly what package-lock.json names. npm writes its own copy of the lock
 * (node_modules/.package-lock.json) as the last act of an installation, so an interrupted one is noticed.
 */
export function isInstalled(folder) {
  const wanted = readPackages(path.join(folder, 'package-lock.json'))
  const present = readPackages(path.join(folder, 'node_modules', '.package-lock.json'))
  if (!wanted || !present) return false
  return Object.entries(wanted).every(([place, entry]) => {
    if (place === '') return true
    const found = present[place]
    // Packages for another operating system are named in the lock file and rightly absent.
    if (!found) return entry.optional === true || entry.devOptional === true
    return found.version === entry.version && found.integrity === entry.integrity && fs.existsSync(path.join(folder, place, 'package.json'))
  })
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Installs `folder` unless it is installed; processes that ask at the same time wait for the first. Throws when npm fails. */
export async function ensureInstalled(folder) {
  if (isInstalled(folder)) return
  const release = await lock(folder)
  try {
    if (isInstalled(folder)) return
    console.error(`installing the packages of ${path.relative(process.cwd(), folder) || '.'} (npm ci)`)
    const status = await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, shell: process.platform === 'win32' })
    if (status !== 0) throw new Error(`npm ci in ${folder} failed with exit status ${status}`)
  } finally {
    release()
  }
}

/** Runs a program with our terminal, its stdout on our stderr unless told otherwise; resolves with its exit status. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options })
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + os.constants.signals[signal]))
  })
}

/** A lock file outside the folder (npm ci empties node_modules) that names its holder; a dead holder's lock is taken over. */
async function lock(folder) {
  const file = path.join(os.tmpdir(), `mcpctl-install-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}.lock`)
  const mine = path.join(os.tmpdir(), `${path.basename(file)}.${process.pid}`)
  for (;;) {
    fs.writeFileSync(mine, String(process.pid))
    try {
      fs.linkSync(mine, file)
      return () => fs.rmSync(file, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    } finally {
      fs.rmSync(mine, { force: true })
    }
    if (!holderAlive(file)) removeAbandoned(file)
    await delay(100)
  }
}

function holderAlive(file) {
  try {
    process.kill(Number(fs.readFileSync(file, 'utf8')), 0)
    return true
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}

/** Renaming first: of several processes that saw the dead holder one removes the lock, and none removes a successor's. */
function removeAbandoned(file) {
  const aside = `${file}.${process.pid}.abandoned`
  try {
    fs.renameSync(file, aside)
    if (holderAlive(aside)) fs.linkSync(aside, file)
    fs.rmSync(aside)
  } catch {
    // Another process was quicker.
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  try {
    await ensureInstalled(path.resolve(process.argv[2] ?? root))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
