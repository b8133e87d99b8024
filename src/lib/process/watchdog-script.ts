import { MARKER_VARIABLE } from './marker.js'

/**
 * The watchdog's program, for any POSIX shell. Lines on stdin: `prefix P` (which marker is ours), `+PGID` and `-PGID`
 * (groups to end), `bye` (the daemon ended in order). The end of stdin without `bye` means that the daemon is dead.
 * A line that was cut off by the death of its writer is dropped: half a number is another group's number.
 *
 * Then: SIGTERM to everything that is ours, up to a second of patience, SIGKILL until two looks in a row find nothing.
 * A group that was seen empty is struck off at once, because its number may be given to somebody else; zombies do not
 * count, for where PID 1 reaps late (containers) they stay for seconds.
 */
export const WATCHDOG_SCRIPT = `# mcpctl watchdog: ends the servers if the daemon dies
trap '' HUP INT TERM QUIT PIPE
LC_ALL=C; export LC_ALL
cd /
groups=' '
prefix=
while IFS= read -r line; do
  case $line in
    +*) groups="$groups\${line#+} " ;;
    -*) id=\${line#-}
      case $groups in *" $id "*) groups="\${groups%%" $id "*} \${groups#*" $id "}" ;; esac ;;
    prefix\\ *) prefix=\${line#prefix } ;;
    bye) exit 0 ;;
  esac
done

pattern=$(printf %s "$prefix" | sed 's/[.]/[.]/g') || pattern=$prefix
marked() {
  [ -n "$prefix" ] || return 0
  if [ -r /proc/self/environ ]; then
    for path in $(grep -alz "^${MARKER_VARIABLE}=$pattern" /proc/[0-9]*/environ 2>/dev/null); do
      path=\${path#/proc/}
      printf '%s ' "\${path%/environ}"
    done
  else
    ps -axEww -o pid= -o command= 2>/dev/null | while read -r pid rest; do
      case $rest in *"${MARKER_VARIABLE}=$prefix"*) printf '%s ' "$pid" ;; esac
    done
  fi
}
living() {
  cat /proc/[0-9]*/stat 2>/dev/null | while read -r line; do
    set -- \${line##*) }
    case $1 in Z|X) ;; *) printf '%s ' "$3" ;; esac
  done
}
look() {
  alive=' '
  for id in $groups; do
    kill -s 0 -- "-$id" 2>/dev/null && alive="$alive$id "
  done
  if [ "$alive" != ' ' ] && [ -r /proc/self/stat ]; then
    set -- $alive
    found=" $(living)"
    alive=' '
    for id; do
      case $found in *" $id "*) alive="$alive$id " ;; esac
    done
  fi
  groups=$alive
  pids=$(marked)
  [ "$groups" != ' ' ] || [ -n "$pids" ]
}
signal() {
  for id in $groups; do kill -s "$1" -- "-$id" 2>/dev/null; done
  for pid in $pids; do [ "$pid" = $$ ] || kill -s "$1" "$pid" 2>/dev/null; done
}
pause() { sleep "$1" 2>/dev/null || sleep 1; }

clean=0
if look; then signal TERM; signal CONT; else clean=1; fi
round=0
while [ $round -lt 14 ] && [ $clean -lt 2 ]; do
  pause 0.06
  if look; then clean=0; else clean=$((clean + 1)); fi
  round=$((round + 1))
done
round=0
while [ $round -lt 100 ] && [ $clean -lt 2 ]; do
  if look; then clean=0; signal KILL; else clean=$((clean + 1)); fi
  pause 0.03
  round=$((round + 1))
done
exit 0
`
