/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gangway-cloud: the reference cloud of dialect `gangway` v1. Its authorities sign, its registry
 * remembers who is aboard where, and `serve` is the other end of every gateway's cloud link, behind
 * any MQTT 3.1.1 broker. It trusts the broker to say which gateway wrote what, and nothing else.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/mqtt-memory.h"
#include "lib/step.h"
#include "lib/util.h"
#include "tools/cloud/verb.h"

struct verb {
	const char *name, *arguments, *summary, *help;
	int (*run)(int argc, char **argv);
};

/* clang-format off */
static const struct verb verbs[] = {
	{ "init", "[DIR] [--gateway ID]... [--claim] [--tenant T]... [--broker HOST:PORT]",
	  "make a cloud's folder, or add gateways to it",
	  "Makes what is missing in DIR and touches nothing that is there, so it is safe to repeat:\n"
	  "authorities, registry, our own credential, the broker's files (broker/mosquitto.conf is\n"
	  "ready to use), and for each gateway its credentials in gateways/ID.\n\n"
	  "  --gateway ID         a gateway: [A-Za-z0-9._-], at most 64 characters\n"
	  "  --claim              these gateways get a claim to provision themselves by, in place of a\n"
	  "                       certificate and its key\n"
	  "  --tenant T           a tenant that these gateways may enrol for (default: default)\n"
	  "  --broker HOST:PORT   where the broker is (default: localhost:8883, or as before)\n",
	  verb_init },
	{ "serve", "[DIR] [--broker HOST:PORT] [--lifetime TIME] [--gateway-lifetime TIME]",
	  "answer gateways and send them commands",
	  "Runs until it is told to end. Only one at a time serves a folder.\n\n"
	  "  --broker HOST:PORT   where the broker is (default: as init was told)\n"
	  "  --lifetime TIME      of devices' certificates: seconds, or days as 90d (default: 90d)\n"
	  "  --gateway-lifetime TIME\n"
	  "                       of the gateways' own certificates, likewise (default: 90d)\n",
	  verb_serve },
	{ "list", "[DIR] [--json] [--commands|--gateways|--claims]",
	  "show the devices' certificates, the commands to gateways, ...",
	  "  --json               for programs: a list of flat objects\n"
	  "  --commands           commands to gateways, instead of devices' certificates\n"
	  "  --gateways           the gateways' own certificates\n"
	  "  --claims             claims by which boxes become gateways\n",
	  verb_list },
	{ "events", "[DIR] [--json] [--gateway ID]",
	  "show what the gateways told of their records",
	  "A number with a word behind it is of a chain that began anew, and the word says why:\n"
	  "old-copy (the gateway's store was replaced), summarised, gone.\n\n"
	  "  --json               for programs: a list of flat objects\n"
	  "  --gateway ID         of this gateway only\n",
	  verb_events },
	{ "claim", "[DIR] --gateway ID [--tenant T] [--replace] [--expires TIME] LABEL|-",
	  "claim a device for a gateway by its label",
	  "The gateway is told when it is reached; `list --commands` shows what became of it. With\n"
	  "`-` the label is read from standard input and so stands in no process list.\n\n"
	  "  --gateway ID         where the device is to come aboard\n"
	  "  --tenant T           whose it will be (default: default)\n"
	  "  --replace            even if it is claimed or aboard there\n"
	  "  --expires TIME       end of the claim: seconds since the epoch (default: never)\n",
	  verb_claim },
	{ "withdraw", "[DIR] --gateway ID DEVICE",
	  "withdraw the claims for a device at a gateway",
	  "  --gateway ID         where it was claimed\n",
	  verb_withdraw },
	{ "revoke", "[DIR] [--reason CODE] DEVICE...",
	  "revoke devices, wherever they are aboard",
	  "Their certificates are revoked here at once, their claims are closed, and every gateway that\n"
	  "has one is told. All of them, or none if one is not known. What stands first is DIR where\n"
	  "$GANGWAY_CLOUD_DIR is not set, or if it has a slash.\n\n"
	  "  --reason CODE        [a-z0-9-], at most 64 characters (default: revoked)\n",
	  verb_revoke },
	{ "crl", "[DIR] [--lifetime TIME] [--file FILE]",
	  "make the devices' revocation list anew and send it to the gateways",
	  "All certificates of the authority that are revoked and not over; of both authorities, each its\n"
	  "own list, while one replaces the other (roll). A gateway that has it serves none of them, whether\n"
	  "it knows the device or not.\n\n"
	  "  --lifetime TIME      until the next list is due at the latest: seconds, or days as 90d\n"
	  "                       (default: 30d)\n"
	  "  --file FILE          write it there in PEM (- for standard output) for gateways that cannot be\n"
	  "                       reached (gangwayctl revoke --crl FILE), and send nothing\n",
	  verb_crl },
	{ "suspend", "[DIR] [--reason CODE] DEVICE...",
	  "have gateways serve devices nothing until they are resumed",
	  "They keep their certificates. Arguments are those of revoke.\n\n"
	  "  --reason CODE        [a-z0-9-], at most 64 characters (default: suspended)\n",
	  verb_suspend },
	{ "resume", "[DIR] DEVICE...",
	  "have gateways serve suspended devices again",
	  "Arguments are those of revoke.\n",
	  verb_resume },
	{ "decommission", "[DIR] DEVICE...",
	  "let devices leave, to come back by a new claim only",
	  "Their certificates are revoked here at once; every gateway where they ever were is told to\n"
	  "forget them and to have them wipe themselves. Arguments are those of revoke.\n",
	  verb_decommission },
	{ "claim-credential", "[DIR] [--uses N] [--serials FILE] [--expires TIME] [--tenant T]... [--close] NAME",
	  "make a credential by which boxes become gateways",
	  "Makes claims/NAME with cloud-ca, cloud-claim-cert and cloud-claim-key, to be built into the boxes.\n"
	  "Who holds it can come as any gateway that it still lets in. Said again it changes the claim.\n\n"
	  "  --uses N             how many gateways may come by it (default: 1, or as before)\n"
	  "  --serials FILE       only these may, one gateway's id a line; adds to those listed before\n"
	  "  --expires TIME       its end: seconds since the epoch, 0 for never (default: never)\n"
	  "  --tenant T           a tenant that they may enrol for (default: default)\n"
	  "  --close              nobody else may come by it\n",
	  verb_claim_credential },
	{ "roll", "[DIR] [--force] begin|switch|end|tell",
	  "replace the authorities of devices and registrars",
	  "Both are replaced by new ones, in three steps; between them all devices have to renew, and so\n"
	  "learn of what comes. begin: the next ones are trusted, too. switch: they sign, gateways get\n"
	  "new certificates from them at once. end: the last ones are trusted no more. A step that was\n"
	  "taken may be repeated. tell: gateways hear of all anchors again, also of the broker's, as they\n"
	  "stand in DIR/broker/anchors.crt: to change its authority add the next one, tell, give the broker\n"
	  "its new certificate, take the old one out, tell.\n\n"
	  "  --force              end although devices have certificates of the last ones still\n",
	  verb_roll },
	{ "revoke-gateway", "[DIR] [--reason CODE] [--readmit] GATEWAY",
	  "revoke a gateway's own certificates",
	  "Its requests are not served any more, and its certificate is not renewed.\n\n"
	  "  --reason CODE        [a-z0-9-], at most 64 characters (default: revoked)\n"
	  "  --readmit            but the same id may come by a claim again: the box was replaced\n",
	  verb_revoke_gateway },
	{ "replace-gateway", "[DIR] OLD NEW",
	  "let one gateway take the place of another",
	  "NEW may use the tenants of OLD, and takes over each device of OLD that comes to it with its\n"
	  "certificate; OLD is told that the device has moved. Nothing else of OLD changes: see\n"
	  "revoke-gateway. To undo it, say it the other way round.\n",
	  verb_replace_gateway },
	{ "roaming", "[DIR] --tenant T follow|refuse",
	  "say whether devices of a tenant may move between gateways",
	  "follow: a device that comes to another gateway with its certificate is at home there from\n"
	  "then on, if the gateway may use the tenant. refuse, which is the default: it is turned away.\n\n"
	  "  --tenant T           whose devices (default: default)\n",
	  verb_roaming },
};

static const char *const steps[] = {
	"cloud.issue",   "cloud.proved",   "cloud.revoked", "cloud.server-cert", "cloud.response",
	"cloud.command", "cloud.answered", "cloud.claim",   "cloud.withdraw",    "cloud.roll", "cloud.operate",
	"cloud.provision", "cloud.provisioned", "cloud.relinquished", "cloud.claim-credential", "cloud.revoke-gateway",
	"cloud.suspended", "cloud.decommissioned", "cloud.events",
	"cloud.adopt", "cloud.replace-gateway", "cloud.roaming", "cloud.crl",
};
/* clang-format on */

static void print_help(void)
{
	(void)puts(
		"usage: gangway-cloud VERB [OPTION]... [ARGUMENT]...\n\n"
		"The reference cloud of gangway: authorities, registry, commands to gateways.\n");
	for (size_t i = 0; i < GW_ELEMENTS(verbs); i++)
		(void)printf("  %-18s %s\n", verbs[i].name, verbs[i].summary);
	(void)puts("\nDIR is the cloud's folder; without it $GANGWAY_CLOUD_DIR.\n\n"
		   "  --help               this, or what a verb takes\n"
		   "  --version\n"
		   "  --list-steps         the durable steps, for tests");
}

static int help_verb(const struct verb *verb)
{
	(void)printf("usage: gangway-cloud %s %s\n\n%s.\n\n%s", verb->name, verb->arguments,
		     verb->summary, verb->help);
	return VERB_DONE;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < GW_ELEMENTS(verbs); i++)
		if (gw_streq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* Whether the word stands among the options, taking it out. */
static bool take_word(int *argc, char **argv, const char *word)
{
	for (int i = 1; i < *argc && !gw_streq(argv[i], "--"); i++) {
		if (gw_streq(argv[i], word)) {
			memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof(*argv));
			(*argc)--;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	bool help;

	gw_mqtt_memory_is_vital();
	(void)umask(077); /* keys and secrets are all that we write */
	help = take_word(&argc, argv, "--help");
	if (take_word(&argc, argv, "--version")) {
		(void)puts("gangway-cloud " PACKAGE_VERSION);
		return VERB_DONE;
	}
	if (take_word(&argc, argv, "--list-steps")) {
		gw_steps_list(steps, GW_ELEMENTS(steps));
		return VERB_DONE;
	}

	verb = argc > 1 ? find_verb(argv[1]) : NULL;
	if (help && argc == 1) {
		print_help();
		return VERB_DONE;
	}
	if (!verb)
		return argc > 1 ? verb_misuse("there is no verb %s; see --help", argv[1])
				: verb_misuse("name a verb; see --help");
	return help ? help_verb(verb) : verb->run(argc - 1, argv + 1);
}
