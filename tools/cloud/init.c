/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `init`: makes a cloud's folder, or what is missing of it. Every file is written whole and under
 * its own name last, keys before their certificates; so it can be interrupted anywhere and run
 * again.
 */
#include "tools/cloud/verb.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/endpoint.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/broker-crl.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/home.h"
#include "tools/cloud/members.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/roll.h"

#define GATEWAYS_MAX   256
#define TENANTS_MAX    64
#define DEFAULT_BROKER "localhost"

struct plan {
	const char *gateways[GATEWAYS_MAX];
	size_t n_gateways;
	const char *tenants[TENANTS_MAX];
	size_t n_tenants;
	const char *broker;
	bool claim; /* the gateways provision themselves */
};

static int add(const char **list, size_t *n, size_t max, const char *what, const char *value)
{
	if (*n == max)
		return verb_misuse("more than %zu %s; run init once more for the others", max,
				   what);

	list[(*n)++] = value;
	return VERB_DONE;
}

static int add_gateway(struct plan *plan, const char *id)
{
	if (!member_gateway_is_valid(id))
		return verb_misuse(
			"%s cannot be a gateway's id: [A-Za-z0-9._-], at most 64"
			" characters, no dot in front, and neither provision, " MEMBER_CLOUD
			" nor " MEMBER_OBSERVER,
			id);
	return add(plan->gateways, &plan->n_gateways, GATEWAYS_MAX, "gateways", id);
}

static int add_tenant(struct plan *plan, const char *tenant)
{
	if (!gw_device_id_is_valid(tenant))
		return verb_misuse("%s cannot be a tenant: [A-Za-z0-9._:-], at most 64 characters",
				   tenant);
	return add(plan->tenants, &plan->n_tenants, TENANTS_MAX, "tenants", tenant);
}

static int read_plan(int argc, char **argv, struct plan *plan)
{
	static const struct option options[] = {
		{ "gateway", required_argument, NULL, 'g' },
		{ "tenant", required_argument, NULL, 't' },
		{ "broker", required_argument, NULL, 'b' },
		{ "claim", no_argument, NULL, 'c' },
		{ NULL },
	};
	int option, status = VERB_DONE;

	while (status == VERB_DONE &&
	       (option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		switch (option) {
		case 'g': status = add_gateway(plan, optarg); break;
		case 't': status = add_tenant(plan, optarg); break;
		case 'b': plan->broker = optarg; break;
		case 'c': plan->claim = true; break;
		default: return VERB_MISUSE; /* getopt_long() has said why */
		}
	}
	for (size_t i = 0; status == VERB_DONE && plan->claim && i < plan->n_gateways; i++)
		if (!member_claim_is_valid(plan->gateways[i]))
			return verb_misuse("%s is too long for a claim, which takes %d characters",
					   plan->gateways[i], MEMBER_CLAIM_MAX);
	if (status == VERB_DONE && plan->n_tenants == 0)
		status = add_tenant(plan, "default");
	return status;
}

static bool is_empty(int fd)
{
	DIR *folder = fdopendir(dup(fd));
	struct dirent *entry;
	bool empty = true;

	if (!folder)
		return false;

	while ((entry = readdir(folder)))
		if (!gw_streq(entry->d_name, ".") && !gw_streq(entry->d_name, ".."))
			empty = false;
	(void)closedir(folder);
	return empty;
}

/* The registry comes first: it is how a folder that was begun is known again. */
static int open_folder(const char *folder, struct home *home, struct registry **registry)
{
	int r;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return verb_fail_file(folder, /* name= */ NULL, -errno);

	r = home_open(folder, home);
	if (r < 0)
		return verb_fail_file(folder, /* name= */ NULL, r);
	if (faccessat(home->fd, HOME_REGISTRY, F_OK, 0) < 0 && !is_empty(home->fd))
		return verb_fail("%s is neither empty nor a cloud's folder; name another", folder);

	r = home_lock(home, ".");
	if (r == -EWOULDBLOCK)
		return verb_fail("another init is at work in %s", folder);
	if (r >= 0)
		r = registry_create(home);
	if (r < 0)
		return verb_fail_file(folder, HOME_REGISTRY, r);

	home_close(home);
	return verb_open(folder, home, registry);
}

static int find_broker(struct registry *registry, const struct plan *plan, char *text, size_t size)
{
	int r;

	if (plan->broker)
		return gw_copy(text, size, plan->broker);

	r = registry_get(registry, REGISTRY_BROKER, text, size);
	return r == -ENOENT ? gw_copy(text, size, DEFAULT_BROKER) : r;
}

static int make_authorities(const struct home *home, struct registry *registry)
{
	static const char *const bases[] = { AUTHORITY_GATEWAY, AUTHORITY_DEVICE,
					     AUTHORITY_REGISTRAR };
	struct roll roll;
	int r = roll_read(registry, &roll);

	if (r < 0)
		return verb_fail_file(home->path, HOME_REGISTRY, r);

	for (size_t i = 0; i < GW_ELEMENTS(bases); i++) {
		_cleanup_(authority_done) struct authority authority = { 0 };
		char name[ROLL_NAME_MAX];

		roll_name(bases[i], gw_streq(bases[i], AUTHORITY_GATEWAY) ? 1 : roll.number, name);
		r = authority_ensure(home, name, &authority);
		if (r == -EKEYREJECTED)
			return verb_fail("%s/%s.key does not belong to %s.crt", home->path, name,
					 name);
		if (r < 0)
			return verb_fail_file(home->path, name, r);
	}
	return VERB_DONE;
}

/* One for each gateway, good for it alone and once. */
static int record_claim(struct registry *registry, const struct plan *plan, const char *gateway)
{
	struct gateway_claim claim = { .uses = 1, .is_listed = true };
	int r;

	(void)gw_copy(claim.name, sizeof(claim.name), gateway);
	r = registry_gateway_claim_set(registry, &claim);
	if (r >= 0)
		r = registry_gateway_claim_list(registry, gateway, gateway);
	for (size_t i = 0; i < plan->n_tenants && r >= 0; i++)
		r = registry_gateway_claim_allow(registry, gateway, plan->tenants[i]);
	return r;
}

/* What we hand out ready-made is on record like what a gateway asks for itself. */
static int record_handout(const struct home *home, struct registry *registry, const char *gateway)
{
	_cleanup_(certificate_freep) X509 *certificate = NULL;
	_cleanup_free_ uint8_t *der = NULL;
	struct record record = { .state = CERTIFICATE_CANDIDATE }, other;
	char path[HOME_PATH_MAX];
	size_t len;
	int r;

	(void)snprintf(path, sizeof(path), HOME_GATEWAYS "/%s/cloud-cert", gateway);
	r = certificate_load(home->fd, path, &certificate);
	if (r >= 0)
		r = certificate_serial(certificate, record.serial);
	if (r >= 0)
		r = certificate_validity(certificate, &record.not_before, &record.not_after);
	if (r >= 0)
		r = certificate_encode(certificate, &der, &len);
	if (r < 0)
		return r;
	if (registry_gateway_certificate_get(registry, record.serial, &other) >= 0)
		return 0;

	if (registry_gateway_certificate_live(registry, gateway, &other) == -ENOENT)
		record.state = CERTIFICATE_LIVE;
	(void)gw_copy(record.gateway, sizeof(record.gateway), gateway);
	(void)gw_copy(record.job, sizeof(record.job), record.serial);
	return registry_gateway_certificate_add(registry, &record, der, len);
}

static int record_gateways(const struct home *home, struct registry *registry,
			   const struct plan *plan, const char *broker)
{
	int r;

	r = registry_begin(registry);
	if (r >= 0)
		r = registry_set(registry, REGISTRY_BROKER, broker);
	for (size_t i = 0; i < plan->n_gateways; i++)
		for (size_t j = 0; j < plan->n_tenants && r >= 0; j++)
			r = registry_gateway_add(registry, plan->gateways[i], plan->tenants[j]);
	for (size_t i = 0; i < plan->n_gateways && r >= 0; i++)
		r = plan->claim ? record_claim(registry, plan, plan->gateways[i])
				: record_handout(home, registry, plan->gateways[i]);
	if (r >= 0)
		r = registry_commit(registry);
	return r;
}

static int ensure_credential(const struct home *home, const struct plan *plan, const char *gateway,
			     const char **ret_what)
{
	char folder[sizeof(HOME_GATEWAYS "/") + REGISTRY_ID_MAX];

	if (!plan->claim)
		return member_gateway_ensure(home, gateway, ret_what);

	(void)snprintf(folder, sizeof(folder), HOME_GATEWAYS "/%s", gateway);
	return member_claim_ensure(home, gateway, folder, /* expires= */ 0, ret_what);
}

static int make_all(const struct home *home, struct registry *registry, const struct plan *plan)
{
	char broker[VERB_ENDPOINT_MAX + 1] = "";
	const char *what = HOME_REGISTRY;
	struct gw_endpoint endpoint;
	int r, status;

	r = find_broker(registry, plan, broker, sizeof(broker));
	status = r < 0 ? VERB_DONE : verb_endpoint(broker, &endpoint);
	if (status == VERB_DONE)
		status = make_authorities(home, registry);
	if (status != VERB_DONE)
		return status;

	if (r >= 0)
		r = members_ensure(home, &endpoint, &what);
	for (size_t i = 0; i < plan->n_gateways && r >= 0; i++)
		r = ensure_credential(home, plan, plan->gateways[i], &what);
	if (r >= 0)
		r = record_gateways(home, registry, plan, broker);
	if (r >= 0 && faccessat(home->fd, BROKER_CRL, F_OK, 0) < 0) {
		what = BROKER_CRL;
		r = broker_crl_write(home, registry);
	}
	if (r < 0)
		return verb_fail_file(home->path, what, r);
	return VERB_DONE;
}

static void print_result(const char *folder, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_gateways; i++)
		(void)printf("%s: credentials in %s/" HOME_GATEWAYS "/%s\n", plan->gateways[i],
			     folder, plan->gateways[i]);
	(void)printf("broker: mosquitto -c %s/" HOME_BROKER "/mosquitto.conf\n"
		     "cloud: gangway-cloud serve %s\n",
		     folder, folder);
}

int verb_init(int argc, char **argv)
{
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	struct plan plan = { 0 };
	const char *folder;
	char **none;
	int status;

	status = read_plan(argc, argv, &plan);
	if (status == VERB_DONE)
		status = verb_arguments(argc, argv, 0, &folder, &none);
	if (status == VERB_DONE)
		status = open_folder(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	verb_hold_bell(&home);
	status = make_all(&home, registry, &plan);
	if (status != VERB_DONE)
		return status;

	print_result(folder, &plan);
	return VERB_DONE;
}
