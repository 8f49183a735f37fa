# SPDX-License-Identifier: GPL-2.0-or-later
# Shells look for a file by the program's name: each program gets its own.
COMPLETED = gangwayctl gangway-device gangway-cloud
bashcompletiondir = $(datarootdir)/bash-completion/completions
zshcompletiondir = $(datarootdir)/zsh/vendor-completions
nodist_bashcompletion_DATA = $(COMPLETED:%=etc/completion/%)
nodist_zshcompletion_DATA = $(COMPLETED:%=etc/completion/_%)
EXTRA_DIST += etc/completion/gangway.bash etc/completion/gangway.zsh
CLEANFILES += $(nodist_bashcompletion_DATA) $(nodist_zshcompletion_DATA)

$(nodist_bashcompletion_DATA): etc/completion/gangway.bash
	$(AM_V_GEN)$(MKDIR_P) etc/completion && sed 's/^complete .*/complete -F _gangway $(@F)/' \
		$(srcdir)/etc/completion/gangway.bash > $@

$(nodist_zshcompletion_DATA): etc/completion/gangway.zsh
	$(AM_V_GEN)$(MKDIR_P) etc/completion && { echo '#compdef $(@F:_%=%)'; \
		cat $(srcdir)/etc/completion/gangway.zsh; } > $@
