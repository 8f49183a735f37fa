/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The less there is left, the less one may have had. While more than half is left of what can be
 * had at once, everybody gets it: one source alone has all the rate. Of the lower half a host gets
 * little, and pays it off slowly; the last quarter is for hosts that owe nothing. So whoever goes
 * on and on shares with his like what nobody else wants, be they hundreds, and who comes for the
 * first time finds enough.
 *
 * Addresses are cheap where one owner has a whole network of them: of the lower half a network gets
 * an eighth of the rate, half of which is for its own newcomers.
 *
 * What is remembered is when a source will have paid off what it had. A set of places that is full
 * gives up who owes least, so those who owe most are forgotten last. Who gets nothing is not
 * remembered at all.
 */
#include "plugins/registrar/ration.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/bucket.h"
#include "lib/util.h"
#include "plugins/registrar/path.h"

#define SETS   256
#define PLACES 8 /* of a set */

#define SECOND_US    1000000ull
#define RATE_MIN     4 /* at once, else there are no quarters */
#define HOST_OWES_US (10 * SECOND_US)
#define HOST_MAX     6 /* that a host can owe for */
#define NETWORKS     8 /* that get all the rate together */
#define NETWORK_MIN  2 /* at once, else there are no halves */

struct debt {
	struct path_source source;
	uint64_t paid_us; /* when it will have paid off all it had */
};

struct debts {
	uint64_t seed;
	uint64_t each_us, max_us; /* what one costs, and the most that one can owe */
	struct debt sets[SETS][PLACES];
};

struct ration {
	struct gw_bucket all;
	struct debts hosts, networks;
};

/* --- debts --- */

static struct debt *get_set(struct debts *d, const struct path_source *source)
{
	return d->sets[path_source_hash(source, d->seed) % SETS];
}

static struct debt *find(struct debts *d, const struct path_source *source)
{
	struct debt *set = get_set(d, source);

	for (size_t i = 0; i < PLACES; i++)
		if (path_source_equal(&set[i].source, source))
			return &set[i];
	return NULL;
}

static struct debt *find_or_make(struct debts *d, const struct path_source *source)
{
	struct debt *debt = find(d, source), *set = get_set(d, source);

	if (debt)
		return debt;

	debt = &set[0];
	for (size_t i = 1; i < PLACES; i++)
		if (set[i].paid_us < debt->paid_us)
			debt = &set[i];
	*debt = (struct debt){ .source = *source };
	return debt;
}

static uint64_t owes_us(struct debts *d, const struct path_source *source, uint64_t now_us)
{
	const struct debt *debt = find(d, source);

	return debt && debt->paid_us > now_us ? debt->paid_us - now_us : 0;
}

static void charge(struct debts *d, const struct path_source *source, uint64_t now_us)
{
	struct debt *debt = find_or_make(d, source);

	debt->paid_us = GW_MAX(debt->paid_us, now_us) + d->each_us;
	debt->paid_us = GW_MIN(debt->paid_us, now_us + d->max_us);
}

/* --- the whole --- */

int ration_new(uint32_t rate, uint64_t seed, uint64_t now_us, struct ration **ret)
{
	uint32_t of_network = GW_MAX(rate / NETWORKS, 1u);
	struct ration *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;

	r->hosts.seed = r->networks.seed = seed;
	r->hosts.each_us = HOST_OWES_US;
	r->hosts.max_us = HOST_MAX * HOST_OWES_US;
	r->networks.each_us = SECOND_US / of_network;
	r->networks.max_us = r->networks.each_us * GW_MAX(of_network, (uint32_t)NETWORK_MIN);
	gw_bucket_init(&r->all, rate, GW_MAX(rate, (uint32_t)RATE_MIN), now_us);
	*ret = r;
	return 0;
}

struct ration *ration_free(struct ration *r)
{
	free(r);
	return NULL;
}

static bool may_have_of_the_rest(struct ration *r, const struct path_source *host,
				 const struct path_source *network, uint32_t left, uint64_t now_us)
{
	uint64_t host_us = owes_us(&r->hosts, host, now_us);
	uint64_t network_us = owes_us(&r->networks, network, now_us) + r->networks.each_us;

	if (host_us == 0)
		return network_us <= r->networks.max_us;
	return left > r->all.burst / 4 && host_us + r->hosts.each_us <= r->hosts.max_us &&
	       network_us <= r->networks.max_us / 2;
}

bool ration_take(struct ration *r, const struct path *path, uint64_t now_us)
{
	const struct path_source host = path_host(path), network = path_network(path);
	uint32_t left = gw_bucket_level(&r->all, now_us);
	bool is_plenty = left > r->all.burst / 2;

	if (!is_plenty && !may_have_of_the_rest(r, &host, &network, left, now_us))
		return false;
	if (!gw_bucket_take(&r->all, 1, now_us))
		return false;

	charge(&r->hosts, &host, now_us);
	if (!is_plenty)
		charge(&r->networks, &network, now_us);
	return true;
}

/* But who was forgiven is no newcomer: one good secret must not buy the last quarter. */
void ration_forgive(struct ration *r, const struct path *path, uint64_t now_us)
{
	const struct path_source host = path_host(path);
	struct debt *debt = find(&r->hosts, &host);

	if (debt && debt->paid_us > now_us + r->hosts.each_us)
		debt->paid_us -= r->hosts.each_us;
}
