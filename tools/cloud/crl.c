/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `crl`: makes the revocation list of the devices' authority anew, of both while one replaces the other, and sends it to the
 * gateways, or writes it to a file for those that cannot be reached. Lists and commands are one commit. From then on `serve`
 * keeps it fresh (crl-care.c).
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "tools/cloud/crl-issue.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/revocation-list.h"
#include "tools/cloud/roll.h"

struct wish {
	uint64_t lifetime_s;
	const char *file; /* NULL: it goes to the gateways */
};

static int write_list(FILE *file, const uint8_t *der, size_t len)
{
	_cleanup_free_ char *pem = revocation_list_pem(der, len);

	if (!pem)
		return -ENOMEM;
	return fputs(pem, file) < 0 ? -errno : 0;
}

static int do_authority(const struct home *home, struct registry *registry, unsigned authority,
			const struct wish *wish, FILE *file)
{
	_cleanup_(crl_issued_done) struct crl_issued list = { .n = 0 };
	const struct crl_wish what = { authority, wish->lifetime_s, .is_for_all = !file };
	int r = crl_issue(home, registry, &what, &list);

	if (r >= 0)
		r = file ? write_list(file, list.der, list.len) : crl_send_all(registry, &list);
	if (r == -E2BIG)
		return verb_fail("limit: more than %d certificates are revoked, which no gateway "
				 "takes in a list",
				 GW_CRL_ENTRIES_MAX);
	if (r < 0)
		return verb_fail("revocation list: %s", strerror(-r));
	(void)fprintf(stderr, "%s: list %llu, %zu certificates%s\n", list.name,
		      (unsigned long long)list.number, list.n,
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

	for (size_t i = 0, n = roll_anchors(&roll, numbers); i < n && status == VERB_DONE; i++)
		status = do_authority(home, registry, numbers[i], wish, file);
	if (status != VERB_DONE)
		return status;
	if (file && fflush(file) != 0)
		return verb_fail("%s: %s", wish->file, strerror(errno));
	r = registry_commit_step(registry, CRL_ISSUE_STEP);
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
	struct wish wish = { .lifetime_s = CRL_ISSUE_LIFETIME_S };
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
