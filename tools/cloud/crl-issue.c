/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list is made from all that the registry has of an authority that is revoked and not over, so it never says less than
 * the one before it, and the registry keeps the newest only. A command to bring it names the authority: what leaves is
 * the newest list of that, whenever it does.
 */
#include "tools/cloud/crl-issue.h"

#include <time.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/id.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/revocation-list.h"
#include "tools/cloud/roll.h"

GW_DEFINE_CLEANUP(struct revocation_list *, revocation_list_free)

struct work {
	struct revocation_list *list;
	size_t n;
};

static uint64_t now_s(void)
{
	return (uint64_t)time(/* tloc= */ NULL);
}

static int add_certificate(const char *serial, const char *reason, void *userdata)
{
	struct work *work = userdata;

	if (++work->n > GW_CRL_ENTRIES_MAX)
		return -E2BIG;
	return revocation_list_add(work->list, serial, reason);
}

static int sign(const struct home *home, struct registry *registry, const struct crl_wish *wish,
		struct crl_issued *list)
{
	_cleanup_(authority_done) struct authority authority = { 0 };
	_cleanup_(revocation_list_freep) struct revocation_list *made = NULL;
	const struct revocation_list_wish what = { &authority, list->number, wish->lifetime_s,
						   .since_s = 0 };
	struct work work;
	int r;

	r = authority_load(home, list->name, &authority);
	if (r >= 0)
		r = revocation_list_new(&what, &made);
	if (r < 0)
		return r;

	work = (struct work){ made, 0 };
	r = registry_crl_each_revoked(registry, wish->authority, now_s(), add_certificate, &work);
	list->n = work.n;
	if (r >= 0)
		r = revocation_list_sign(made, &list->der, &list->len);
	return r >= 0 && list->len > GW_CRL_MAX ? -E2BIG : r;
}

static int put(struct registry *registry, const struct crl_wish *wish,
	       const struct crl_issued *list)
{
	const struct registry_crl crl = {
		.authority = wish->authority,
		.number = list->number,
		.der = list->der,
		.len = list->len,
		.lifetime_s = wish->lifetime_s,
		.renew_at = now_s() + wish->lifetime_s / 3 * 2,
		.is_for_all = wish->is_for_all,
	};

	return registry_crl_put(registry, &crl);
}

int crl_issue(const struct home *home, struct registry *registry, const struct crl_wish *wish,
	      struct crl_issued *ret)
{
	_Static_assert((int)CRL_ISSUE_NAME_MAX == (int)ROLL_NAME_MAX, "all of it");
	struct crl_issued list = { .n = 0 };
	int r;

	roll_name(AUTHORITY_DEVICE, wish->authority, list.name);
	r = registry_crl_next_number(registry, wish->authority, now_s(), &list.number);
	if (r >= 0)
		r = sign(home, registry, wish, &list);
	if (r >= 0)
		r = put(registry, wish, &list);
	if (r < 0) {
		crl_issued_done(&list);
		return r;
	}
	*ret = list;
	return 0;
}

void crl_issued_done(struct crl_issued *list)
{
	free(list->der);
	list->der = NULL;
}

/* --- sending --------------------------------------------------------------------------------- */

struct post {
	struct registry *registry;
	const struct crl_issued *list;
};

static int command_gateway(const char *gateway, void *userdata)
{
	const struct post *post = userdata;
	struct command command = { .kind = COMMAND_CRL, .made_at = now_s() };

	id_make("command", command.id);
	(void)gw_copy(command.gateway, sizeof(command.gateway), gateway);
	(void)gw_copy(command.device, sizeof(command.device),
		      post->list->name); /* what it is about */
	return registry_command_add(post->registry, &command);
}

int crl_send(struct registry *registry, const struct crl_issued *list, const char *gateway)
{
	struct post post = { registry, list };
	int r = registry_crl_commands_end(registry, list->name, gateway);

	return r < 0 ? r : command_gateway(gateway, &post);
}

int crl_send_all(struct registry *registry, const struct crl_issued *list)
{
	struct post post = { registry, list };
	int r = registry_crl_commands_end(registry, list->name, /* gateway= */ NULL);

	return r < 0 ? r : registry_gateways_each_good(registry, command_gateway, &post);
}

int crl_send_anew(struct registry *registry, const struct crl_issued *list)
{
	struct post post = { registry, list };
	int r = registry_crl_commands_end(registry, list->name, /* gateway= */ NULL);

	return r < 0 ? r : registry_crl_gateways_each(registry, command_gateway, &post);
}
