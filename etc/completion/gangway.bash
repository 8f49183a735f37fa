# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completes the command lines of gangway's programs. What there is to complete they say themselves: verbs,
# options and the kind of their values stand in --help.

#
# What stands on the line is compared and never becomes part of a pattern or a program: it may be anything.

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
  local name kind

  while read -r name kind; do
    [ "$name" != "$2" ] || printf '%s' "$kind"
  done <<< "$1"
}

# _gangway_next VERBS SAID: the words that may follow, one a line
_gangway_next() {
  local verb

  while read -r verb; do
    [[ $2 && $verb != "$2 "* ]] || cut -d ' ' -f 1 <<< "${verb#"$2${2:+ }"}"
  done <<< "$1" | uniq
}

# _gangway_operand HELP N: what follows the N words of a verb, in "Usage: gangwayctl show ID"
_gangway_operand() {
  local words

  read -ra words < <(grep -i -m 1 '^usage: ' <<< "$1")
  printf '%s' "${words[2 + $2]:-}"
}

# _gangway_offer WORDS: of these, one a line, those that go on from what is there
_gangway_offer() {
  local word

  while read -r word; do
    [[ -z $word || $word != "$cur"* ]] || COMPREPLY+=("$word")
  done <<< "$1"
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
    _gangway_offer "$(printf '%s\n' discovered claimed enrolling issued onboarded suspended revoked \
      decommissioned rejected)"
    ;;
  esac
}

# _gangway PROGRAM WORD PREVIOUS
_gangway() {
  local program=$1 cur=$2 prev=$3 words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  local help verbs verb='' said='' options kind word name i next

  # Ids of devices may have colons, at which bash cuts words.
  if declare -F _get_comp_words_by_ref > /dev/null; then
    _get_comp_words_by_ref -n : cur prev words cword
  fi

  COMPREPLY=()
  help=$("$program" --help 2> /dev/null)
  verbs=$(_gangway_verbs "$help")
  options=$(_gangway_options "$help")
  for ((i = 1; i < cword; i++)); do
    word=${words[i]}
    case $word in
    -*) [ -z "$(_gangway_kind "$options" "$word")" ] || i=$((i + 1)) ;;
    *) said+=${said:+ }$word ;;
    esac
    if [ -n "$said" ] && grep -qxF -e "$said" <<< "$verbs"; then
      verb=$said
    fi
  done
  read -ra name <<< "$verb"
  if [ -n "$verb" ]; then
    help=$("$program" "${name[@]}" --help 2> /dev/null)
    options=$(_gangway_options "$help")
  fi

  kind=$(_gangway_kind "$options" "$prev")
  next=$(_gangway_next "$verbs" "$said")
  if [ -n "$kind" ]; then
    _gangway_value "$kind"
  elif [[ $cur == -* ]]; then
    _gangway_offer "$(cut -d ' ' -f 1 <<< "$options")"
  elif [ -n "$next" ]; then
    _gangway_offer "$next"
  else
    kind=$(_gangway_operand "$help" "${#name[@]}")
    case $kind in
    ID) _gangway_offer "$("$program" devices 2> /dev/null | awk 'NR > 1 { print $1 }')" ;;
    *) _gangway_value "$kind" ;;
    esac
  fi
  if declare -F __ltrim_colon_completions > /dev/null; then
    __ltrim_colon_completions "$cur"
  fi
}

complete -F _gangway gangwayctl gangway-device gangway-cloud
