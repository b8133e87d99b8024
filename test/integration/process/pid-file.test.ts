import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { McpctlError } from '../../../src/lib/errors/index.js'
import { clearPidFiles, removePidFile, writePidFile } from '../../../src/lib/process/index.js'

let base: string
let dir: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mcpctl-pids-'))
  dir = join(base, 'pids')
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

describe('a PID file', () => {
  it('holds the pid and a newline, is private, and leaves nothing beside it', () => {
    writePidFile(dir, 'web', 4242)
    writePidFile(dir, 'web', 4243)
    expect(readFileSync(join(dir, 'web.pid'), 'utf8')).toBe('4243\n')
    expect(statSync(join(dir, 'web.pid')).mode & 0o777).toBe(0o600)
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    expect(readdirSync(dir)).toEqual(['web.pid'])
  })

  it('is removed only while it holds the pid that is over', () => {
    writePidFile(dir, 'web', 4243)
    removePidFile(dir, 'web', 4242)
    expect(existsSync(join(dir, 'web.pid'))).toBe(true)
    removePidFile(dir, 'web', 4243)
    removePidFile(dir, 'web', 4243)
    expect(readdirSync(dir)).toEqual([])
  })

  it('replaces a link planted under its name and leaves the target as it was', () => {
    const target = join(base, 'precious')
    writeFileSync(target, 'precious')
    mkdirSync(dir, { mode: 0o700 })
    symlinkSync(target, join(dir, 'web.pid'))
    symlinkSync(target, join(dir, `.web.${process.pid}.tmp`))
    removePidFile(dir, 'web', 4242)
    writePidFile(dir, 'web', 4242)
    expect(readFileSync(target, 'utf8')).toBe('precious')
    expect(lstatSync(join(dir, 'web.pid')).isFile()).toBe(true)
  })

  it('is refused in a folder that is a link, a file, or open to everybody', () => {
    mkdirSync(join(base, 'elsewhere'), { mode: 0o700 })
    symlinkSync(join(base, 'elsewhere'), dir)
    const write = (where: string) => () => writePidFile(where, 'web', 1)
    expect(write(dir)).toThrow(/symbolic link/)
    expect(readdirSync(join(base, 'elsewhere'))).toEqual([])
    writeFileSync(join(base, 'file'), '')
    expect(write(join(base, 'file'))).toThrow(/not a folder/)
    expect(write(join(base, 'file', 'below'))).toThrow(McpctlError)
    mkdirSync(join(base, 'open'))
    chmodSync(join(base, 'open'), 0o777)
    expect(write(join(base, 'open'))).toThrow(/every user/)
  })

  it.runIf(process.geteuid?.() === 0)('is refused in the folder of another user', () => {
    mkdirSync(dir, { mode: 0o700 })
    chownSync(dir, 12345, 12345)
    expect(() => writePidFile(dir, 'web', 1)).toThrow(expect.objectContaining({ code: 'HOME_UNUSABLE', hint: expect.stringContaining('MCP_PID_DIR') }))
    expect(readdirSync(dir)).toEqual([])
  })

  it('cannot be made to leave its folder by its name', () => {
    for (const name of ['../up', 'a/b', '..', '.hidden', '', 'nul\0', 'x'.repeat(300)]) {
      expect(() => writePidFile(dir, name, 1), name).toThrow(McpctlError)
    }
    expect(existsSync(join(base, 'up.pid'))).toBe(false)
  })
})

describe('clearing the folder at the start of a daemon', () => {
  it('removes the PID files of its servers and half-written ones, and leaves everything else', () => {
    writePidFile(dir, 'web', 1)
    writePidFile(dir, 'db.main', 2)
    writePidFile(dir, 'sshd', 3)
    writeFileSync(join(dir, '.web.77.tmp'), '')
    writeFileSync(join(dir, 'note.txt'), '')
    clearPidFiles(dir, ['web', 'db.main', 'gone'])
    expect(readdirSync(dir).sort()).toEqual(['note.txt', 'sshd.pid'])
    clearPidFiles(join(base, 'none'), ['web'])
  })
})
