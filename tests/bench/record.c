/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the record costs: fills the store of a gateway that does not run with so many records, chained as gangwayd
 * does it, and walks along them. The key of the store is where gangwayd finds it.
 *
 *     record FOLDER N     prints JSON: microseconds a record to add, commits left out, and to verify
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/store.h"
#include "agent/vault.h"
#include "lib/util.h"

#define TURN 1000 /* records a commit */

static void require(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "record: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static uint64_t add(struct store *store, struct vault *vault, unsigned n)
{
	const struct audit_record record = { .time = gw_now_realtime_us() / 1000000,
					     .event = "csr-refused",
					     .device = "ACME-0001",
					     .who = "device",
					     .reason = "weak-key",
					     .detail = "[fe80::1%eth0]:5684" };
	uint64_t taken_us = 0;

	for (unsigned i = 0; i < n;) {
		uint64_t begun_us = gw_now_monotonic_us();

		require(store_begin(store), "begin");
		for (unsigned k = 0; k < TURN && i < n; k++, i++)
			require(audit_add(store, vault, &record), "add");
		taken_us += gw_now_monotonic_us() - begun_us;
		require(store_commit(store), "commit");
	}
	return taken_us;
}

int main(int argc, char **argv)
{
	uint64_t n = 0, add_us, begun_us, first_bad;
	struct audit_point head;
	struct store *store;
	struct vault *vault;
	char error[512];
	const char *why;

	if (argc != 3 || gw_parse_u64(argv[2], 1, 100000000, &n) < 0) {
		(void)fputs("usage: record FOLDER N\n", stderr);
		return 2;
	}
	require(store_open(argv[1], &store, error, sizeof(error)), "store");
	require(vault_open(argv[1], store, VAULT_KEY_AUTO, &vault, error, sizeof(error)), "vault");
	require(audit_begin(store, vault, gw_now_realtime_us() / 1000000), "begin");

	add_us = add(store, vault, (unsigned)n);
	require(audit_head(store, vault, &head), "head");
	begun_us = gw_now_monotonic_us();
	require(audit_verify(store, vault, &first_bad, &why), "verify");
	(void)printf("{\"records\": %llu, \"add_us\": %.2f, \"verify_us\": %.3f, \"whole\": %s}\n",
		     (unsigned long long)head.n, (double)add_us / (double)n,
		     (double)(gw_now_monotonic_us() - begun_us) / (double)head.n,
		     first_bad ? "false" : "true");
	vault_close(vault);
	store_close(store);
	return first_bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
