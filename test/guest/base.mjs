import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { CACHE, runTool } from './tools.mjs'

const SUITE = 'bookworm'
const MIRROR = process.env.MCPCTL_GUEST_MIRROR ?? 'http://deb.debian.org/debian'
const PACKAGES = ['systemd', 'systemd-sysv', 'libpam-systemd', 'dbus', 'dbus-user-session', 'linux-image-cloud-amd64', 'initramfs-tools', 'libstdc++6', 'procps']
const DISK_MIB = 1024

/** The user of the guest whose servers systemd --user holds. */
const USER = { name: 'tester', id: 1000 }

/** What differs from a plain Debian. The program that runs the cases comes on the second disk, mounted at /guest. */
const FILES = {
  'etc/fstab': 'LABEL=mcpctl-base / ext4 rw,noatime 0 0\nLABEL=mcpctl-guest /guest ext4 rw,noatime 0 0\n',
  'etc/hostname': 'guest\n',
  'etc/hosts': '127.0.0.1 localhost guest\n',
  'etc/machine-id': '5f0f8c1e2b7d4a6f9c3b1d2e4f6a8b0c\n',
  'etc/systemd/system/mcpctl-guest.service': `[Unit]
Description=Cases of mcpctl
RequiresMountsFor=/guest
Wants=user@${USER.id}.service
After=user@${USER.id}.service systemd-logind.service dbus.service systemd-user-sessions.service
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
ExecStart=/guest/node /guest/inside/main.mjs
StandardOutput=file:/dev/console
StandardError=file:/dev/console
`,
}
const LINKS = {
  'etc/systemd/system/multi-user.target.wants/mcpctl-guest.service': '/etc/systemd/system/mcpctl-guest.service',
  // Nothing that runs at times of its own.
  'etc/systemd/system/timers.target.wants': '/dev/null',
  'etc/systemd/system/serial-getty@ttyS0.service': '/dev/null',
  'etc/systemd/system/getty@tty1.service': '/dev/null',
}

/**
 * The disk the guest starts from, with its kernel: made once (some minutes, needs root and a Debian mirror), kept in the
 * cache until the recipe changes. The guest never writes to it.
 */
export async function ensureBase(say) {
  const recipe = createHash('sha256').update(JSON.stringify([SUITE, PACKAGES, DISK_MIB, USER, FILES, LINKS])).digest('hex').slice(0, 12)
  const folder = path.join(CACHE, `base-${recipe}`)
  const base = { disk: path.join(folder, 'disk.ext4'), kernel: path.join(folder, 'vmlinuz'), initrd: path.join(folder, 'initrd') }
  if (fs.existsSync(folder)) {
    say(`base image from ${folder}`)
    return base
  }
  if (process.getuid() !== 0) throw new Error(`the base image has to be made once as root: ${folder} is missing`)
  fs.mkdirSync(CACHE, { recursive: true })
  const partial = fs.mkdtempSync(path.join(CACHE, 'partial-'))
  try {
    say(`making the base image in ${folder}`)
    await make(partial, say)
    fs.renameSync(partial, folder)
    return base
  } finally {
    fs.rmSync(partial, { recursive: true, force: true })
  }
}

async function make(folder, say) {
  const tree = path.join(folder, 'tree')
  const log = path.join(folder, 'log')
  await runTool('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, tree, MIRROR], { log })
  say('debootstrap is done')
  await runTool('chroot', [tree, 'useradd', '--create-home', '--shell', '/bin/bash', '--uid', String(USER.id), USER.name], { log })
  furnish(tree)
  for (const [name, pattern] of [['vmlinuz', /^vmlinuz-/], ['initrd', /^initrd\.img-/]]) {
    const [found] = fs.readdirSync(path.join(tree, 'boot')).filter((file) => pattern.test(file))
    if (found === undefined) throw new Error(`there is no ${name} in /boot of the guest`)
    fs.copyFileSync(path.join(tree, 'boot', found), path.join(folder, name))
  }
  fs.rmSync(path.join(tree, 'var/cache/apt/archives'), { recursive: true, force: true })
  await runTool('mke2fs', ['-q', '-t', 'ext4', '-L', 'mcpctl-base', '-d', tree, path.join(folder, 'disk.ext4'), `${DISK_MIB}M`], { log })
  fs.rmSync(tree, { recursive: true, force: true })
}

function furnish(tree) {
  for (const [name, text] of Object.entries(FILES)) fs.writeFileSync(path.join(tree, name), text)
  for (const [name, target] of Object.entries(LINKS)) {
    const file = path.join(tree, name)
    fs.rmSync(file, { recursive: true, force: true })
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.symlinkSync(target, file)
  }
  fs.mkdirSync(path.join(tree, 'guest'), { recursive: true })
  // So that the user's systemd runs without a session.
  fs.mkdirSync(path.join(tree, 'var/lib/systemd/linger'), { recursive: true })
  fs.writeFileSync(path.join(tree, 'var/lib/systemd/linger', USER.name), '')
}
