# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts of this folder share; to be sourced. A script talks on standard error, so that
# standard output stays free for its result.

say() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
  say "$*"
  exit 1
}

# at_exit COMMAND: run COMMAND, a line of shell, when the script ends, however it ends. What was
# registered last runs first, and one that fails does not keep the others from running.
at_exit_commands=()

at_exit() {
  at_exit_commands+=("$1")
}

run_at_exit() {
  local i

  trap '' HUP INT TERM
  for ((i = ${#at_exit_commands[@]} - 1; i >= 0; i--)); do
    eval "${at_exit_commands[i]}" || say "could not clean up: ${at_exit_commands[i]}"
  done
}

trap run_at_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# lock FILE: be the only one from here to the end of the script; wait for whoever is at it now.
lock() {
  local fd

  { exec {fd}> "$1"; } 2>/dev/null || die "cannot write $1"
  if ! flock --nonblock "$fd"; then
    say "waiting for another run to end"
    flock "$fd"
  fi
}

# start_log FILE: what the commands of this script have to say goes there.
start_log() {
  log=$1
  { : > "$log"; } 2>/dev/null || die "cannot write $log"
}

# log_reason: the line of the log that says best what went wrong.
log_reason() {
  local line pattern

  for pattern in 'No space left on device' '^E:' 'error:|Error |FAILED' '^(Err|W):' '.'; do
    line=$(grep -m 1 -E "$pattern" "$log") && break
  done
  case $line in
  *'No space left'*) line="no space left on the disk: free some" ;;
  esac
  line=${line:-nothing was logged}
  echo "${line#E: } (more in $log)"
}

# logged WHAT COMMAND...: a step that ends the script where it fails.
logged() {
  local what=$1

  shift
  "$@" >> "$log" 2>&1 || die "$what failed: $(log_reason)"
}
