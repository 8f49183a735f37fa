/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What doctor makes of a unit, for each state that systemd may tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/util.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/values.h"

#define AGENT  "gangwayd.service"
#define SOCKET "gangwayd.socket"
#define TARGET "gangway.target"

struct unit_case {
	struct doctor_unit unit; /* name, load, active, sub, result, file, n_restarts, since_s */
	const char *verdict, *text, *advice;
};

static const struct unit_case cases[] = {
	/* As it should be; `static` units have no [Install]. */
	{ { AGENT, "loaded", "active", "running", "success", "enabled", 0, 0 },
	  "ok",
	  "It runs.",
	  "" },
	{ { AGENT, "loaded", "active", "running", "success", "static", 0, 0 },
	  "ok",
	  "It runs.",
	  "" },
	{ { AGENT, "loaded", "active", "running", "success", "", 0, 0 }, "ok", "It runs.", "" },
	{ { AGENT, "loaded", "reloading", "reload", "success", "enabled", 0, 0 },
	  "ok",
	  "It runs.",
	  "" },
	{ { SOCKET, "loaded", "active", "listening", "", "enabled", 0, 0 }, "ok", "It runs.", "" },
	{ { SOCKET, "loaded", "active", "running", "", "enabled", 0, 0 }, "ok", "It runs.", "" },
	{ { TARGET, "loaded", "active", "active", "", "enabled", 0, 0 }, "ok", "It runs.", "" },

	/* Not there, or not allowed to be. */
	{ { AGENT, "not-found", "inactive", "dead", "success", "", 0, 0 },
	  "wrong",
	  "It is not installed.",
	  "" },
	{ { AGENT, "masked", "inactive", "dead", "success", "masked", 0, 0 },
	  "wrong",
	  "It is masked: nobody can start it.",
	  "systemctl unmask " AGENT "; then systemctl start " TARGET },
	{ { AGENT, "masked", "active", "running", "success", "masked-runtime", 0, 0 },
	  "wrong",
	  "It is masked: nobody can start it.",
	  "systemctl unmask " AGENT "; then systemctl start " TARGET },
	{ { AGENT, "bad-setting", "inactive", "dead", "success", "enabled", 0, 0 },
	  "wrong",
	  "Its file cannot be used (bad-setting).",
	  "systemctl status " AGENT " says why." },
	{ { AGENT, "error", "inactive", "dead", "success", "bad", 0, 0 },
	  "wrong",
	  "Its file cannot be used (error).",
	  "systemctl status " AGENT " says why." },

	/* Down. */
	{ { AGENT, "loaded", "failed", "failed", "exit-code", "enabled", 0, 0 },
	  "wrong",
	  "It has failed (exit-code).",
	  "journalctl -u " AGENT " says why." },
	{ { AGENT, "loaded", "failed", "failed", "watchdog", "enabled", 7, 0 },
	  "wrong",
	  "It has failed (watchdog).",
	  "journalctl -u " AGENT " says why." },
	{ { SOCKET, "loaded", "failed", "failed", "", "enabled", 0, 0 },
	  "wrong",
	  "It has failed (failed).",
	  "journalctl -u " SOCKET " says why." },
	{ { AGENT, "loaded", "inactive", "dead", "success", "enabled", 0, 0 },
	  "wrong",
	  "It does not run.",
	  "systemctl start " AGENT },
	{ { AGENT, "loaded", "inactive", "dead", "success", "enabled", 0, 1900000000 },
	  "wrong",
	  "It does not run, since 2030-03-17T17:46:40Z.",
	  "systemctl start " AGENT },
	{ { AGENT, "loaded", "active", "running", "success", "enabled", 0, 1900000000 },
	  "ok",
	  "It runs.",
	  "" },
	{ { AGENT, "loaded", "inactive", "dead", "success", "disabled", 0, 0 },
	  "wrong",
	  "It does not run.",
	  "systemctl start " AGENT },
	{ { AGENT, "loaded", "deactivating", "stop-sigterm", "success", "enabled", 0, 0 },
	  "wrong",
	  "It does not run.",
	  "systemctl start " AGENT },
	{ { TARGET, "loaded", "inactive", "dead", "", "enabled", 0, 0 },
	  "wrong",
	  "It does not run.",
	  "systemctl start " TARGET },
	{ { SOCKET, "loaded", "inactive", "dead", "", "enabled", 0, 0 },
	  "wrong",
	  "It does not run.",
	  "It comes and goes with " AGENT ": see there; if that runs, systemctl restart " AGENT
	  "." },

	/* On its way, for the first time or once more. */
	{ { AGENT, "loaded", "activating", "start", "success", "enabled", 0, 0 },
	  "warning",
	  "It is being started.",
	  "systemctl status " AGENT },
	{ { AGENT, "loaded", "activating", "auto-restart", "exit-code", "enabled", 3, 0 },
	  "wrong",
	  "It ends again and again (exit-code, 3 times).",
	  "journalctl -u " AGENT " says why." },

	/* It runs, and there is something to it. */
	{ { AGENT, "loaded", "active", "running", "success", "enabled", 2, 0 },
	  "warning",
	  "It runs, and ended unasked 2 times since it was last started.",
	  "journalctl -u " AGENT " says why." },
	{ { AGENT, "loaded", "active", "running", "success", "enabled", 1, 0 },
	  "warning",
	  "It runs, and ended unasked 1 time since it was last started.",
	  "journalctl -u " AGENT " says why." },
	{ { AGENT, "loaded", "active", "running", "success", "disabled", 0, 0 },
	  "warning",
	  "It runs, but is not started with the machine.",
	  "systemctl enable " AGENT },
	{ { TARGET, "loaded", "active", "active", "", "disabled", 0, 0 },
	  "warning",
	  "It runs, but is not started with the machine.",
	  "systemctl enable " TARGET },
};

static void check_case(const struct unit_case *c)
{
	json_auto_t *findings = json_array();
	struct doctor doctor = { .findings = findings };
	const json_t *finding;
	char check[64];

	doctor_judge_unit(&doctor, &c->unit);
	assert_int_equal(json_array_size(findings), 1);
	finding = json_array_get(findings, 0);
	(void)snprintf(check, sizeof(check), "unit %s", c->unit.name);
	assert_string_equal(values_text(finding, "check"), check);
	if (!gw_streq(values_text(finding, "verdict"), c->verdict) ||
	    strncmp(values_text(finding, "text"), c->text, strlen(c->text)) != 0 ||
	    !gw_streq(values_text(finding, "advice"), c->advice))
		fail_msg("%s %s %s %s: %s, '%s', '%s'", c->unit.name, c->unit.load, c->unit.active,
			 c->unit.file, values_text(finding, "verdict"),
			 values_text(finding, "text"), values_text(finding, "advice"));
}

static void every_state(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		check_case(&cases[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(every_state) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
