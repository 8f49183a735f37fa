/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `roll`: replaces the authorities of devices and registrars by new ones, in three steps with as much time between as
 * the devices need to renew: the new ones become known (begin), sign (switch), and are the only ones (end).
 *
 * A step is one commit, with the commands that tell it to the gateways. Keys and certificates of the new authorities
 * are in the folder before; what is derived from it there is made after, and whenever `serve` begins.
 */
#include "tools/cloud/roll.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "lib/blob.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/home.h"
#include "tools/cloud/id.h"
#include "tools/cloud/members.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/verb.h"

#define STEP       "cloud.roll"
#define TELL       "tell"
#define SETTING    "roll"
#define BEGUN      "roll-begun" /* the number of the last certificate before */
#define TEXT_MAX   32
#define PEM_MAX    65536
#define NUMBER_MAX 1000000

static const char *const bases[] = { AUTHORITY_DEVICE, AUTHORITY_REGISTRAR };

static const char *const phase_names[_ROLL_PHASE_MAX] = {
	[ROLL_NONE] = "none",
	[ROLL_BEGUN] = "begun",
	[ROLL_SWITCHED] = "switched",
};

/* --- what is on record --- */

int roll_read(struct registry *registry, struct roll *ret)
{
	char text[TEXT_MAX + 1], *phase;
	uint64_t number;
	int r = registry_get(registry, SETTING, text, sizeof(text));

	*ret = (struct roll){ .number = 1 };
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	phase = strchr(text, ' ');
	if (!phase)
		return -EUCLEAN;
	*phase++ = 0;
	if (gw_parse_u64(text, 1, NUMBER_MAX, &number) < 0)
		return -EUCLEAN;
	ret->number = (unsigned)number;
	for (int i = 0; i < _ROLL_PHASE_MAX; i++) {
		if (gw_streq(phase, phase_names[i])) {
			ret->phase = (enum roll_phase)i;
			return 0;
		}
	}
	return -EUCLEAN;
}

static int write_roll(struct registry *registry, const struct roll *roll)
{
	char text[TEXT_MAX + 1];

	(void)snprintf(text, sizeof(text), "%u %s", roll->number, phase_names[roll->phase]);
	return registry_set(registry, SETTING, text);
}

size_t roll_anchors(const struct roll *roll, unsigned numbers[ROLL_ANCHORS_MAX])
{
	numbers[0] = roll->number;
	if (roll->phase == ROLL_BEGUN)
		numbers[1] = roll->number + 1;
	else if (roll->phase == ROLL_SWITCHED)
		numbers[1] = roll->number - 1;
	return roll->phase == ROLL_NONE ? 1 : 2;
}

/* --- the folder --- */

void roll_name(const char *base, unsigned number, char name[ROLL_NAME_MAX])
{
	if (number == 1)
		(void)gw_copy(name, ROLL_NAME_MAX, base);
	else
		(void)snprintf(name, ROLL_NAME_MAX, "%s-%u", base, number);
}

/* The certificate of the first one lies in BASE.crt, before any other that is there. */
static int read_certificate(const struct home *home, const char *base, unsigned number, char *pem,
			    size_t size, size_t *len)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	char name[ROLL_NAME_MAX], file[ROLL_NAME_MAX + 8];
	_cleanup_free_ uint8_t *text = NULL;
	size_t text_len, one;
	const char *at;
	int r;

	roll_name(base, number, name);
	(void)snprintf(file, sizeof(file), "%s.crt", name);
	r = gw_read_file(home->fd, file, PEM_MAX, &text, &text_len);
	if (r < 0)
		return r;

	at = memmem(text, text_len, end, strlen(end));
	if (!at)
		return -EBADMSG;
	one = (size_t)(at - (const char *)text) + strlen(end);
	if (*len + one > size)
		return -EFBIG;
	memcpy(pem + *len, text, one);
	*len += one;
	return 0;
}

static int write_anchors(const struct home *home, const struct roll *roll, const char *base)
{
	char pem[8192], file[ROLL_NAME_MAX + 8];
	/* In the order of their numbers: the first one's own file is this one, of which it is the beginning. */
	unsigned number = roll->number - (roll->phase == ROLL_SWITCHED);
	unsigned end = number + (roll->phase == ROLL_NONE ? 1 : 2);
	size_t len = 0;
	int r = 0;

	for (; number < end && r >= 0; number++)
		r = read_certificate(home, base, number, pem, sizeof(pem), &len);
	if (r < 0)
		return r;

	(void)snprintf(file, sizeof(file), "%s.crt", base);
	return gw_write_file(home->fd, file, (struct gw_blob){ (uint8_t *)pem, len }, 0644);
}

static void remove_retired(const struct home *home, const struct roll *roll, const char *base)
{
	char name[ROLL_NAME_MAX], file[ROLL_NAME_MAX + 8];

	if (roll->phase == ROLL_SWITCHED || roll->number == 1)
		return;
	roll_name(base, roll->number - 1, name);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	(void)unlinkat(home->fd, file, 0);
}

static int tidy(const struct home *home, const struct roll *roll)
{
	int r = 0;

	for (size_t i = 0; i < GW_ELEMENTS(bases) && r >= 0; i++) {
		/* Before anything was rolled over, its file is the first one's own and nothing else. */
		if (roll->number > 1 || roll->phase != ROLL_NONE)
			r = write_anchors(home, roll, bases[i]);
		if (r >= 0)
			remove_retired(home, roll, bases[i]);
	}
	return r;
}

/* In a transaction that changes nothing, so that one writes the files at a time, and what holds. */
int roll_tidy(const struct home *home, struct registry *registry)
{
	struct roll roll;
	int r = registry_begin(registry);

	if (r < 0)
		return r;
	r = roll_read(registry, &roll);
	if (r >= 0)
		r = tidy(home, &roll);
	registry_rollback(registry);
	return r;
}

static int make_next(const struct home *home, const struct roll *roll)
{
	for (size_t i = 0; i < GW_ELEMENTS(bases); i++) {
		_cleanup_(authority_done) struct authority authority = { 0 };
		char name[ROLL_NAME_MAX];
		int r;

		roll_name(bases[i], roll->number + 1, name);
		r = authority_ensure(home, name, &authority);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- who has not renewed yet --- */

static int note_begin(struct registry *registry)
{
	char text[TEXT_MAX + 1];
	uint64_t last = 0;
	int r = registry_certificates_last(registry, &last);

	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)last);
	return registry_set(registry, BEGUN, text);
}

/* Who has not renewed since the beginning does not know the next authorities, and would not talk to a gateway
 * that has its certificate from them. */
static int count_unaware(struct registry *registry, unsigned *ret)
{
	char text[TEXT_MAX + 1];
	uint64_t last;
	int r = registry_get(registry, BEGUN, text, sizeof(text));

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (gw_parse_u64(text, 0, INT64_MAX, &last) < 0)
		return -EUCLEAN;
	return registry_certificates_up_to(registry, last, ret);
}

static int count_late(struct registry *registry, const struct roll *roll, unsigned *ret)
{
	*ret = 0;
	switch (roll->phase) {
	case ROLL_BEGUN: return count_unaware(registry, ret);
	case ROLL_SWITCHED: return registry_certificates_under(registry, roll->number - 1, ret);
	case ROLL_NONE:
	case _ROLL_PHASE_MAX: break;
	}
	return 0;
}

/* --- the steps --- */

static int command_gateway(const char *gateway, void *userdata)
{
	struct registry *registry = userdata;
	struct command command = { .kind = COMMAND_ANCHORS,
				   .made_at = (uint64_t)time(/* tloc= */ NULL) };

	id_make("command", command.id);
	(void)gw_copy(command.gateway, sizeof(command.gateway), gateway);
	return registry_command_add(registry, &command);
}

static int commit(const struct home *home, struct registry *registry, const struct roll *roll)
{
	int r;

	r = write_roll(registry, roll);
	if (r >= 0)
		r = registry_gateways_each_good(registry, command_gateway, registry);
	if (r >= 0)
		r = registry_commit_step(registry, STEP);
	return r < 0 ? r : roll_tidy(home, registry);
}

/* What step leads from where to where. */
static const struct {
	const char *name;
	enum roll_phase from, to;
	const char *done;
} steps[] = {
	{ "begin", ROLL_NONE, ROLL_BEGUN,
	  "begun: the next authorities are told; switch when all devices have renewed" },
	{ "switch", ROLL_BEGUN, ROLL_SWITCHED,
	  "switched: the next authorities sign; end when all devices have renewed" },
	{ "end", ROLL_SWITCHED, ROLL_NONE, "ended: the last authorities are good no more" },
};

static int print_phase(const struct roll *roll)
{
	(void)printf("authorities: number %u, roll-over %s\n", roll->number,
		     phase_names[roll->phase]);
	return VERB_DONE;
}

static int take_step(const struct home *home, struct registry *registry, size_t i, bool force)
{
	unsigned n_left = 0;
	struct roll roll;
	int r = registry_begin(registry);

	if (r >= 0)
		r = roll_read(registry, &roll);
	if (r < 0)
		return verb_fail_registry(registry, r);
	if (roll.phase == steps[i].to) {
		registry_rollback(registry);
		r = roll_tidy(home, registry);
		return r < 0 ? verb_fail_file(home->path, /* name= */ NULL, r) : print_phase(&roll);
	}
	if (roll.phase != steps[i].from)
		return verb_fail(
			"not-possible: the roll-over is %s; its steps are begin, switch and end",
			phase_names[roll.phase]);

	r = count_late(registry, &roll, &n_left);
	if (r >= 0 && n_left > 0 && !force)
		return verb_fail("not-possible: devices that have not renewed yet: %u; --force "
				 "does not wait for them, and each then takes a new claim",
				 n_left);
	if (r >= 0 && steps[i].to == ROLL_BEGUN)
		r = make_next(home, &roll);
	if (r >= 0 && steps[i].to == ROLL_BEGUN)
		r = note_begin(registry);
	roll.phase = steps[i].to;
	roll.number += steps[i].to == ROLL_SWITCHED;
	if (r >= 0)
		r = commit(home, registry, &roll);
	if (r < 0)
		return verb_fail_file(home->path, /* name= */ NULL, r);
	(void)printf("%s\n", steps[i].done);
	return VERB_DONE;
}

/* The broker's authority may be anybody's: its certificates are put into the file by hand, and told again. */
static int tell_again(struct registry *registry)
{
	int r = registry_begin(registry);

	if (r >= 0)
		r = registry_gateways_each_good(registry, command_gateway, registry);
	if (r >= 0)
		r = registry_commit_step(registry, STEP);
	if (r < 0)
		return verb_fail_registry(registry, r);
	(void)printf("told again: all gateways hear of all anchors, those of the broker as they "
		     "stand in " MEMBER_BROKER_ANCHORS "\n");
	return VERB_DONE;
}

int verb_roll(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder;
	bool force = false;
	char **arguments;
	int option, status;
	size_t i = 0;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option != 'f')
			return VERB_MISUSE;
		force = true;
	}

	status = verb_arguments(argc, argv, 1, &folder, &arguments);
	if (status != VERB_DONE)
		return status;
	while (i < GW_ELEMENTS(steps) && !gw_streq(arguments[0], steps[i].name))
		i++;
	if (i == GW_ELEMENTS(steps) && !gw_streq(arguments[0], TELL))
		return verb_misuse("%s is no step; they are begin, switch, end and " TELL,
				   arguments[0]);

	status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;
	verb_hold_bell(&home);
	return i == GW_ELEMENTS(steps) ? tell_again(registry)
				       : take_step(&home, registry, i, force);
}
