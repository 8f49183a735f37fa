/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `crl`: makes the revocation list of the devices' authority anew, of both while one replaces the other, from all that is
 * revoked in the registry and has not expired, and sends it to the gateways, or writes it to a file for those that cannot be
 * reached. Lists and commands are one commit; a list that went before is not sent any more.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/home.h"
#include "tools/cloud/id.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/revocation-list.h"
#include "tools/cloud/roll.h"

#define STEP       "cloud.crl"
#define LIFETIME_S ((uint64_t)30 * 86400)

struct wish {
	uint64_t lifetime_s;
	const char *file; /* NULL: it goes to the gateways */
};

/* One list. */
struct work {
	const struct home *home;
	struct registry *registry;
	const struct wish *wish;
	uint64_t now_s;
	unsigned authority;
	char name[ROLL_NAME_MAX];

	struct revocation_list *list;
	uint64_t number;
	size_t n;
};

GW_DEFINE_CLEANUP(struct revocation_list *, revocation_list_free)

static int add_certificate(const char *serial, const char *reason, void *userdata)
{
	struct work *work = userdata;

	if (++work->n > GW_CRL_ENTRIES_MAX)
		return -E2BIG;
	return revocation_list_add(work->list, serial, reason);
}

static int make_list(struct work *work, uint8_t **ret_der, size_t *ret_len)
{
	_cleanup_(authority_done) struct authority authority = { 0 };
	_cleanup_(revocation_list_freep) struct revocation_list *list = NULL;
	struct revocation_list_wish wish = { &authority, 0, work->wish->lifetime_s };
	int r = registry_crl_next_number(work->registry, work->authority, work->now_s,
					 &work->number);

	wish.number = work->number;
	if (r >= 0)
		r = authority_load(work->home, work->name, &authority);
	if (r >= 0)
		r = revocation_list_new(&wish, &list);
	work->list = list;
	if (r >= 0)
		r = registry_crl_each_revoked(work->registry, work->authority, work->now_s,
					      add_certificate, work);
	return r < 0 ? r : revocation_list_sign(list, ret_der, ret_len);
}

static int command_gateway(const char *gateway, void *userdata)
{
	struct work *work = userdata;
	struct command command = { .kind = COMMAND_CRL, .made_at = work->now_s };

	id_make("command", command.id);
	(void)gw_copy(command.gateway, sizeof(command.gateway), gateway);
	(void)gw_copy(command.device, sizeof(command.device), work->name); /* what it is about */
	return registry_command_add(work->registry, &command);
}

static int command_gateways(struct work *work)
{
	int r = registry_crl_commands_end(work->registry, work->name);

	return r < 0 ? r : registry_gateways_each_good(work->registry, command_gateway, work);
}

static int write_list(FILE *file, const uint8_t *der, size_t len)
{
	_cleanup_free_ char *pem = revocation_list_pem(der, len);

	if (!pem)
		return -ENOMEM;
	return fputs(pem, file) < 0 ? -errno : 0;
}

static int do_authority(struct work *work, FILE *file)
{
	_cleanup_free_ uint8_t *der = NULL;
	size_t len = 0;
	int r = make_list(work, &der, &len);

	if (r >= 0 && len > GW_CRL_MAX)
		r = -E2BIG;
	if (r >= 0)
		r = registry_crl_put(work->registry, work->authority, work->number, der, len);
	if (r >= 0)
		r = file ? write_list(file, der, len) : command_gateways(work);
	if (r == -E2BIG)
		return verb_fail("limit: more than %d certificates are revoked, which no gateway "
				 "takes in a list",
				 GW_CRL_ENTRIES_MAX);
	if (r < 0)
		return verb_fail("%s: %s", work->name, strerror(-r));
	(void)fprintf(stderr, "%s: list %llu, %zu certificates%s\n", work->name,
		      (unsigned long long)work->number, work->n,
		      file ? "" : ", the gateways are to be told");
	return VERB_DONE;
}

static int do_authorities(const struct home *home, struct registry *registry,
			  const struct wish *wish, FILE *file)
{
	unsigned numbers[ROLL_ANCHORS_MAX];
	int status = VERB_DONE, r = registry_begin(registry);
	struct roll roll;

	if (r >= 0)
		r = roll_read(registry, &roll);
	if (r < 0)
		return verb_fail_registry(registry, r);

	for (size_t i = 0, n = roll_anchors(&roll, numbers); i < n && status == VERB_DONE; i++) {
		struct work work = { .home = home,
				     .registry = registry,
				     .wish = wish,
				     .now_s = (uint64_t)time(/* tloc= */ NULL),
				     .authority = numbers[i] };

		roll_name(AUTHORITY_DEVICE, numbers[i], work.name);
		status = do_authority(&work, file);
	}
	if (status != VERB_DONE)
		return status;
	if (file && fflush(file) != 0)
		return verb_fail("%s: %s", wish->file, strerror(errno));
	r = registry_commit_step(registry, STEP);
	return r < 0 ? verb_fail_registry(registry, r) : VERB_DONE;
}

static int make_lists(const struct home *home, struct registry *registry, const struct wish *wish)
{
	FILE *file = NULL;
	int status;

	if (wish->file)
		file = gw_streq(wish->file, "-") ? stdout : fopen(wish->file, "we");
	if (wish->file && !file)
		return verb_fail("%s: %s", wish->file, strerror(errno));
	status = do_authorities(home, registry, wish, file);
	if (file && file != stdout && fclose(file) != 0)
		return verb_fail("%s: %s", wish->file, strerror(errno));
	return status;
}

int verb_crl(int argc, char **argv)
{
	static const struct option options[] = {
		{ "lifetime", required_argument, NULL, 'l' },
		{ "file", required_argument, NULL, 'f' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	struct wish wish = { .lifetime_s = LIFETIME_S };
	int option, status = VERB_DONE;
	const char *folder;
	char **none;

	while (status == VERB_DONE &&
	       (option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option == 'l')
			status = verb_lifetime("--lifetime", optarg, &wish.lifetime_s);
		else if (option == 'f')
			wish.file = optarg;
		else
			return VERB_MISUSE;
	}
	if (status == VERB_DONE)
		status = verb_arguments(argc, argv, 0, &folder, &none);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	if (!wish.file)
		verb_hold_bell(&home);
	return make_lists(&home, registry, &wish);
}
