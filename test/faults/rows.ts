/** Where a fault can be injected: anywhere, on Linux, on Linux as root with cgroup v1, in a virtual machine of our own. */
export type Place = 'any' | 'linux' | 'root' | 'guest'

export type Area = 'process' | 'daemon' | 'pipes' | 'config' | 'security'

export interface FaultRow {
  readonly id: string
  readonly area: Area
  /** What goes wrong. */
  readonly fault: string
  /** What mcpctl promises then. */
  readonly expected: string
  readonly place: Place
  /** Why it is not injected here; only for rows of the guest. */
  readonly elsewhere?: string
}

export const AREAS: Readonly<Record<Area, string>> = {
  process: 'Processes',
  daemon: 'The daemon',
  pipes: 'Pipes and protocol',
  config: 'Configuration, disk and network',
  security: 'Security',
}

const row = (area: Area, place: Place) => (id: string, fault: string, expected: string): FaultRow => ({ id, area, fault, expected, place })

const server = row('process', 'any')
const serverOnLinux = row('process', 'linux')
const serverAsRoot = row('process', 'root')
const daemon = row('daemon', 'any')
const daemonOnLinux = row('daemon', 'linux')
const pipes = row('pipes', 'any')
const config = row('config', 'any')
const configAsRoot = row('config', 'root')
const security = row('security', 'any')
const securityOnLinux = row('security', 'linux')

/** Every fault that is injected on purpose. The tests beside this file and docs/reliability.md follow this table. */
export const ROWS: readonly FaultRow[] = [
  server('F01', 'exits with 0 while it works', 'stays down under on-failure, comes back under always'),
  server('F02', 'exits with 1 at once, for ever', 'waits 0.5 s, doubled each time, with jitter; given up after 5 restarts in 60 s; no CPU burnt'),
  server('F03', 'crashes thousands of times', 'memory and descriptors of the daemon stay flat, no zombie'),
  server('F04', 'is killed with SIGKILL by a stranger', 'is started again; the reason is the signal, not a lack of memory'),
  serverOnLinux('F05', 'segmentation fault, abort', 'the signal is named; no core file is written'),
  serverAsRoot('F06', 'leaks memory past its limit', 'ended within 250 ms of the breach, cause oom, the whole tree gone, restarted'),
  serverAsRoot('F07', 'a grandchild leaks, its wrapper survives and exits with 7', 'the tree is ended, cause oom although the wrapper said 7'),
  serverOnLinux('F08', 'leaks where no cgroup can be used', 'ended within 1.5 s of the breach, cause limit-poll, oom or heap'),
  serverOnLinux('F09', 'four processes spin under a CPU limit', 'they use what the limit allows: within 3 points by cgroup, 8 without'),
  serverAsRoot('F10', 'fork bomb', 'never more tasks than its limit, ended within 2 s, cause pids, the others do not notice'),
  server('F11', 'is suspended (SIGSTOP)', 'out of rotation, replaced, ready again; a stop works all the same'),
  server('F12', 'ignores the end of its input and SIGTERM', 'killed when its stop timeout of 5 s is over, and the log says so'),
  serverOnLinux('F13', 'a child escapes into a session of its own', 'gone after stop'),
  serverOnLinux('F14', 'puts itself into the background', 'what is left of it is ended, the end is judged as the policy says, nothing leaks'),
  serverOnLinux('F15', 'leaves zombies unreaped', 'does not hold up a stop; they are gone with their parent'),
  serverOnLinux('F16', 'the shell it runs in is killed', 'the grandchild is gone within 1 s, one restart'),
  serverAsRoot('F17', 'cannot be killed (stuck in the kernel)', 'stop says so and returns, the daemon and all other servers go on'),
  server('F18', 'starts too slowly', 'ended at MCP_MAX_STARTUP_TIME, counted as a failure'),
  server('F19', 'command missing or not executable, working folder or interpreter missing', 'a message of its own for each, not tried again'),
  server('F20', 'environment too large, NUL in an argument', 'refused with the field, the daemon goes on'),
  server('F21', 'hundreds of servers start at once', 'all ready, never more than 32 starting at a time, the daemon answers meanwhile'),
  server('F22', 'its port is in use', 'the reason names port and holder; tried again with growing delay; ready when the port is free'),

  daemonOnLinux('F30', 'killed with SIGKILL, its watchdog too, under 20 servers', 'the next start ends the survivors first, then runs the same set, each once'),
  daemon('F31', 'killed with SIGKILL in the middle of a start, a stop, a restart', 'nothing half done remains: the next start has every server ready once'),
  daemon('F32', 'eight starts at once over stale state', 'exactly one daemon each time, all eight succeed'),
  daemon('F33', 'stopped for a while (a sleeping laptop)', 'still the only daemon; its servers were not restarted; no storm afterwards'),
  daemonOnLinux('F34', 'a stale socket, a stale PID file whose number is now worn by a stranger', 'starts; the stranger is not touched'),
  { ...daemonOnLinux('F35', 'the clock jumps by a day, forth and back', 'back-off and health are not affected'), place: 'guest', elsewhere: 'the clock of the machine has to be changed' },
  daemon('F36', 'a defect: an exception nobody catches', 'every server is ended, exit status 70, the next start works'),
  daemonOnLinux('F37', 'no file descriptors left', 'new servers are refused with advice, the rest goes on, and it recovers'),
  daemonOnLinux('F38', 'is process 1 of a container', 'stops within 2 s on SIGTERM; ends orphans; reaped where an init stands in front, otherwise it says that one is needed'),
  { ...daemonOnLinux('F39', 'a server runs out of memory under systemd', 'the daemon stays active'), place: 'guest', elsewhere: 'needs systemd as process 1' },
  { ...daemonOnLinux('F40', 'its cgroup is removed, or cannot be written', 'doctor and status say so, the next backend takes over, no server is half limited'), place: 'root' },

  pipes('F41', 'floods its output, with JSON and with garbage', 'calls to other servers stay fast, memory of the daemon stays flat'),
  pipes('F42', 'floods stderr', 'its log rotates and stays bounded, what is dropped is counted, others stay fast'),
  pipes('F43', 'never reads its input', 'requests fail fast once 4 MiB wait for it; it is found hung and replaced'),
  pipes('F44', 'answers with a line of 100 MB', 'the answer is an error, the next one arrives; memory stays within what one line may have'),
  pipes('F45', 'invalid UTF-8, split characters, byte order mark, CRLF, empty lines, NUL', 'text arrives whole; a broken line breaks nothing else'),
  pipes('F46', 'writes half a line, then crashes', 'what was asked fails with outcome unknown, the fragment is in the log'),
  pipes('F47', 'prints a banner before its first answer', 'ready all the same, the banner is in its log'),
  pipes('F48', 'answers twice, to unknown ids, to ids of the wrong type', 'each client gets its own answer once and nothing else'),
  pipes('F49', 'answers after the timeout, or after the call was taken back', 'nobody gets the late answer, later calls are not confused'),
  pipes('F50', 'JSON 100,000 levels deep, an object of a million keys, __proto__', 'passed through or an error; no crash, nothing polluted'),
  pipes('F51', 'closes its output and stays alive', 'recognised as half dead, replaced'),
  pipes('F52', 'a client vanishes in the middle of a stream', 'its calls are cancelled upstream, nothing of it remains'),

  config('F53', 'a syntax error, a half-written, deleted or renamed file, 100 saves in a second', 'the old configuration stays until a good one is there; only changed servers are touched'),
  config('F54', 'a server is removed while it has calls under way', 'the calls are answered, then it stops'),
  configAsRoot('F55', 'no disk space left for logs, for state', 'servers go on, newest lines stay in memory, logging resumes when there is space'),
  configAsRoot('F56', 'a read-only home, a folder of PID files that is missing or belongs to somebody else', 'a clean refusal with the path, or servers without PID files; never a half start'),
  config('F57', 'corrupt or truncated state and PID files', 'taken as empty and written anew; servers start'),
  config('F58', 'a remote server: unknown host, bad certificates, errors 5xx, silence', 'a clear cause for each without a secret, tried again with growing delay, ready when it is mended'),

  security('F59', 'a thousand connections that send a byte now and then', 'closed within 10 s, meanwhile real requests are answered at once'),
  securityOnLinux('F60', 'far more connections than there are file descriptors', 'the excess is closed; servers, commands and other clients go on meanwhile; requests are answered afterwards'),
  security('F61', 'a body of 100 MB, one without end, 10,000 headers', 'refused with 413 and 431, the memory is given back'),
  security('F62', 'foreign Host, foreign or null Origin, a name that points here, no token', '403 or 401 on every path, before anything else is looked at'),
  security('F63', 'server names like ../../x, a/b, CON, with NUL, with 300 characters, look-alikes', 'refused wherever a name comes in; no file appears'),
  securityOnLinux('F64', 'the folder of PID files or a PID file is a symbolic link', 'not followed: its target stays as it was'),
  { ...securityOnLinux('F65', 'another user tries sockets, logs, state', 'permission denied for all of it'), place: 'root' },
  security('F66', 'secrets in environment, arguments, URL, headers and in an error', 'in no file below the home, no output, no command line of mcpctl'),
  security('F67', 'the daemon was started with secrets in its environment', 'servers get the allow-listed variables and their own, nothing else'),
  security('F68', 'two clients of one server with different abilities', 'ids, progress and questions never cross over'),
]

export function rowOf(id: string): FaultRow {
  const found = ROWS.find((candidate) => candidate.id === id)
  if (found === undefined) throw new Error(`there is no fault ${id}`)
  return found
}
