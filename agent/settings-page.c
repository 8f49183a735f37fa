/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the build: prints the table of settings, as the file that is shipped or, with the frame of the page on
 * standard input, as gangway.conf(5). settings-page conf|mdoc
 */
#include "agent/settings-text.h"
#include "lib/util.h"

#define HERE ".\\\" SETTINGS\n"

static void print_page(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		if (gw_streq(line, HERE))
			settings_text_mdoc(stdout);
		else
			(void)fputs(line, stdout);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && gw_streq(argv[1], "conf"))
		settings_text_conf(stdout);
	else if (argc == 2 && gw_streq(argv[1], "mdoc"))
		print_page();
	else
		return 2;
	return fflush(stdout) == 0 && !ferror(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}
