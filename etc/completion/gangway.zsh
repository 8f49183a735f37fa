# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completes the command lines of gangway's programs. What there is to complete they say themselves: verbs,
# options and the kind of their values stand in --help.
emulate -L zsh
setopt extendedglob

# $help -> "show:what it does", "audit verify:what it does"
_gangway_verbs() {
  verbs=(${(f)"$(sed -nE 's/^  ([a-z]+( [a-z]+)?)( .*  |  +)(.*)$/\1:\4/p' <<< $help)"})
}

# $help -> options "--state:what it does" and kinds, in which --state is STATE
_gangway_options() {
  local line name
  options=() kinds=()
  for line in ${(f)"$(grep -E '^  --[a-z]' <<< $help)"}; do
    for name in ${=${${line#  }%%  *}//,/ }; do
      [[ $name == --* ]] && options+=($name:${line##*  }) || kinds[${options[-1]%%:*}]=$name
    done
  done
}

# a value of a KIND
_gangway_value() {
  case $1 in
  (*FILE*) _files ;;
  (*DIR*) _files -/ ;;
  (ID) compadd -- ${(f)"$($words[1] devices 2> /dev/null | awk 'NR > 1 { print $1 }')"} ;;
  (STATE)
    compadd -- discovered claimed enrolling issued onboarded suspended revoked decommissioned rejected
    ;;
  esac
}

local help=$($words[1] --help 2> /dev/null) verb= said= kind
local -a verbs options matches words_of_usage words_of_verb
local -A kinds
integer i

_gangway_verbs
_gangway_options
for ((i = 2; i < CURRENT; i++)); do
  if [[ $words[i] == -* ]]; then
    [[ -z $kinds[$words[i]] ]] || i+=1
  else
    said+=${said:+ }$words[i]
  fi
  [[ -z ${(M)verbs:#$said:*} ]] || verb=$said
done
if [[ -n $verb ]]; then
  help=$($words[1] ${=verb} --help 2> /dev/null)
  _gangway_options
fi

kind=$kinds[$words[CURRENT-1]]
matches=(${(M)verbs:#${said:+$said }*})
if [[ -n $kind && $kind != ID ]]; then
  _gangway_value $kind
elif [[ -n $kind ]]; then
  _message 'id'
elif [[ $words[CURRENT] == -* ]]; then
  _describe -o option options
elif [[ -n ${matches:#$said:*} ]]; then
  matches=(${${matches:#$said:*}#${said:+$said }})
  # Of verbs of two words that begin alike, the first stands for all.
  for ((i = $#matches; i > 1; i--)); do
    [[ ${matches[i]%%[ :]*} != ${matches[i-1]%%[ :]*} ]] || matches[i]=()
  done
  matches=(${matches/ [a-z]#:/:})
  _describe verb matches
else
  # "Usage: gangwayctl show ID": what follows the verb
  words_of_usage=(${=${(M)${(f)help}:#[Uu]sage:*}})
  words_of_verb=(${=verb})
  _gangway_value "$words_of_usage[3+$#words_of_verb]"
fi
