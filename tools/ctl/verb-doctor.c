/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: looks at all that an onboarding needs, whether or not the agent runs, and says of each what is
 * wrong and what to do. What the agent can tell of itself it tells; the rest is looked at from here.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/values.h"

static void print_finding(const json_t *finding)
{
	const char *advice = values_text(finding, "advice");

	(void)printf("%-8s %-16s  %s\n", values_text(finding, "verdict"),
		     values_text(finding, "check"), values_text(finding, "text"));
	if (*advice)
		(void)printf("%-8s %-16s  -> %s\n", "", "", advice);
}

static int conclude(const struct ctl *ctl, const struct doctor *doctor)
{
	unsigned n_wrong = doctor_count(doctor, DOCTOR_WRONG);
	unsigned n_warnings = doctor_count(doctor, DOCTOR_WARNING);

	if (n_wrong)
		return ctl_fail("%u of %zu checks found something wrong, first %s", n_wrong,
				json_array_size(doctor->findings),
				values_text(doctor_first(doctor, DOCTOR_WRONG), "check"));
	if (!ctl->json && n_warnings)
		(void)printf("\nNothing is wrong; %u should be looked at.\n", n_warnings);
	else if (!ctl->json)
		(void)printf("\nAll is well.\n");
	return CTL_DONE;
}

static int run(struct ctl *ctl, const struct args *args)
{
	json_auto_t *findings = json_array();
	struct doctor doctor = { .findings = findings };

	if (!findings)
		return ctl_fail("%s", strerror(ENOMEM));

	doctor_look_at_bus(&doctor, ctl);
	if (!doctor.agent_answers)
		doctor_look_from_outside(&doctor);
	doctor_look_at_config(&doctor, ctl, args_get(args, "config"));
	doctor_look_at_units(&doctor, ctl);

	if (ctl->json)
		values_print(findings, stdout);
	for (size_t i = 0; !ctl->json && i < json_array_size(findings); i++)
		print_finding(json_array_get(findings, i));
	(void)fflush(stdout); /* before the last word, which goes elsewhere */
	return conclude(ctl, &doctor);
}

static const struct args_option options[] = {
	{ "config", "FILE", "the configuration to look at, instead of the system's" },
	{ 0 },
};

const struct verb verb_doctor = {
	.name = "doctor",
	.synopsis = "",
	.summary = "Looks for what is wrong, and says what to do",
	.help = "\nExit status 0 if nothing is wrong, 1 if something is.",
	.options = options,
	.run = run,
};
