# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completes the command lines of gangway's programs. What there is to complete they say themselves: verbs,
# options and the kind of their values stand in --help.

# _gangway_verbs HELP: "show", "audit verify", one a line
_gangway_verbs() {
  sed -nE 's/^  ([a-z]+( [a-z]+)?)( .*)?$/\1/p' <<< "$1"
}

# _gangway_options HELP: "--state STATE", "--json", one a line
_gangway_options() {
  sed -nE 's/^  (--[a-z-]+)(, --[a-z-]+)?( [^ ]+)?( .*)?$/\1\3\2/p' <<< "$1" |
    sed -E 's/, /\n/'
}

# _gangway_kind OPTIONS OPTION: what its value is called, nothing if it takes none
_gangway_kind() {
  sed -nE "s/^$2 (.*)\$/\\1/p" <<< "$1"
}

# _gangway_devices PROGRAM: the ids of all devices
_gangway_devices() {
  "$1" devices 2> /dev/null | awk 'NR > 1 { print $1 }'
}

# _gangway_offer WORDS: of them, those that go on from what is there
_gangway_offer() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# _gangway_value KIND
_gangway_value() {
  case $1 in
  *FILE*)
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    ;;
  *DIR*)
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    ;;
  STATE)
    _gangway_offer 'discovered claimed enrolling issued onboarded suspended revoked decommissioned rejected'
    ;;
  esac
}

# _gangway PROGRAM WORD PREVIOUS
_gangway() {
  local program=$1 cur=$2 prev=$3
  local help verbs verb='' said='' options kind word i

  help=$("$program" --help 2> /dev/null)
  verbs=$(_gangway_verbs "$help")
  options=$(_gangway_options "$help")
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
    -*) [ -z "$(_gangway_kind "$options" "$word")" ] || i=$((i + 1)) ;;
    *) said+=${said:+ }$word ;;
    esac
    if grep -qxF -- "$said" <<< "$verbs"; then
      verb=$said
    fi
  done
  if [ -n "$verb" ]; then
    # A verb may be of two words.
    # shellcheck disable=SC2086
    help=$("$program" $verb --help 2> /dev/null)
    options=$(_gangway_options "$help")
  fi

  kind=$(_gangway_kind "$options" "$prev")
  if [ -n "$kind" ]; then
    _gangway_value "$kind"
  elif [[ $cur == -* ]]; then
    _gangway_offer "$(sed 's/ .*//' <<< "$options")"
  elif [ -z "$said" ] || grep -q "^$said " <<< "$verbs"; then
    _gangway_offer "$(sed -nE "s/^${said:+$said }([a-z]+).*/\\1/p" <<< "$verbs" | uniq)"
  else
    kind=$(sed -nE "s/^[Uu]sage: [a-z-]+ $verb ([^ ]+).*/\\1/p" <<< "$help")
    case $kind in
    ID) _gangway_offer "$(_gangway_devices "$program")" ;;
    *) _gangway_value "$kind" ;;
    esac
  fi
}

complete -F _gangway gangwayctl gangway-device gangway-cloud
