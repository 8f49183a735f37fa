/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All certificates of the gateways' authority that the registry has revoked and that have not ended. A broker that has a list
 * lets nobody in without one that is good; so this one is good as long as the authority itself, since nobody might be there to
 * make the next in time. It is replaced as a whole.
 *
 * A broker that is told to read the file again may keep both lists, as mosquitto does, and then goes by the one that says it is
 * younger. Each is therefore at least a second younger than the one before it, beginning an hour ago: none is of the future,
 * also by a broker's clock that is a little slow.
 */
#include "tools/cloud/broker-crl.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "lib/blob.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/revocation-list.h"

#define BACK_S      3600
#define SETTING     "broker-crl" /* since when the last one is */
#define NUMBER_TEXT 21

GW_DEFINE_CLEANUP(struct revocation_list *, revocation_list_free)

struct work {
	struct revocation_list *list;
	uint64_t now_s;
};

static int since_when(struct registry *registry, uint64_t now_s, uint64_t *ret)
{
	char text[NUMBER_TEXT] = "0";
	uint64_t last;
	int r = registry_get(registry, SETTING, text, sizeof(text));

	if (r < 0 && r != -ENOENT)
		return r;
	if (gw_parse_u64(text, 0, INT64_MAX - 1, &last) < 0)
		last = 0;
	*ret = GW_MIN(GW_MAX(last + 1, now_s - BACK_S), now_s);

	(void)snprintf(text, sizeof(text), "%" PRIu64, *ret);
	return registry_set(registry, SETTING, text);
}

static int add_certificate(const struct record *record, void *userdata)
{
	struct work *work = userdata;

	if (record->state != CERTIFICATE_REVOKED || record->not_after <= work->now_s)
		return 0;
	return revocation_list_add(work->list, record->serial, record->reason);
}

static int sign(const struct authority *authority, struct registry *registry, uint64_t now_s,
		char **ret_pem)
{
	_cleanup_(revocation_list_freep) struct revocation_list *list = NULL;
	_cleanup_free_ uint8_t *der = NULL;
	struct revocation_list_wish wish = { .authority = authority };
	uint64_t begin, end;
	struct work work;
	size_t len = 0;
	int r;

	r = since_when(registry, now_s, &wish.since_s);
	if (r >= 0)
		r = certificate_validity(authority->certificate, &begin, &end);
	if (r < 0)
		return r;

	wish.number = wish.since_s;
	wish.lifetime_s = end - GW_MIN(end, wish.since_s);
	r = revocation_list_new(&wish, &list);
	if (r < 0)
		return r;
	work = (struct work){ list, now_s };
	r = registry_gateway_certificates_each(registry, add_certificate, &work);
	if (r >= 0)
		r = revocation_list_sign(list, &der, &len);
	if (r < 0)
		return r;
	*ret_pem = revocation_list_pem(der, len);
	return *ret_pem ? 0 : -ENOMEM;
}

static int write_it(const struct home *home, struct registry *registry)
{
	_cleanup_(authority_done) struct authority authority = { 0 };
	_cleanup_free_ char *pem = NULL;
	int r;

	r = authority_load(home, AUTHORITY_GATEWAY, &authority);
	if (r >= 0)
		r = sign(&authority, registry, (uint64_t)time(/* tloc= */ NULL), &pem);
	if (r < 0)
		return r;
	return gw_write_file(home->fd, BROKER_CRL,
			     (struct gw_blob){ (const uint8_t *)pem, strlen(pem) }, 0644);
}

int broker_crl_write(const struct home *home, struct registry *registry)
{
	int r = registry_begin(registry);

	if (r < 0)
		return r;
	r = write_it(home, registry);
	if (r >= 0)
		r = registry_commit(registry);
	if (r < 0)
		registry_rollback(registry);
	return r;
}
