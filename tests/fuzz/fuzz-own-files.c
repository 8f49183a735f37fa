/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway's own keys, certificates and anchors, as a disk gives them back that was damaged, or written to by
 * others. Whatever is there: it can be opened; what is called live is whole, and never what is tried beside it; of a slot
 * that counts as empty no byte is left; what cannot be loaded is told; and a new key can be made, kept and found again.
 *
 * The input is a list of steps: a byte for the file or the cell (then a hash is put before its contents), and the bytes
 * behind their length.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util.h"
#include "plugins/mqtt/cell.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/identity.h"
#include "plugins/mqtt/keypair.h"
#include "plugins/mqtt/keyring.h"
#include "plugins/mqtt/slots.h"
#include "tests/fuzz/input.h"

#define STEPS_MAX 16
#define GATEWAY   "gw-1"

/* Good for nothing else. */
static const char given_ca[] = "-----BEGIN CERTIFICATE-----\n"
			       "MIIBcDCCARWgAwIBAgIUT1v1js5ozMhvatubFxO5WXNtstowCgYIKoZIzj0EAwIw\n"
			       "DTELMAkGA1UEAwwCY2EwHhcNMjYxMTIyMTEwNDQyWhcNMzYxMTE5MTEwNDQyWjAN\n"
			       "MQswCQYDVQQDDAJjYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCNZ8z6sldS7\n"
			       "Cmi9NHTKv4LwOUnSL4nKyAZdWPqZ7uVr3k9D1qvmX26fmA5TkuN690oObtYbA4if\n"
			       "f9IzSzFgC3GjUzBRMB0GA1UdDgQWBBT8WImVj/jgT+kCTAIYu25RV/gprjAfBgNV\n"
			       "HSMEGDAWgBT8WImVj/jgT+kCTAIYu25RV/gprjAPBgNVHRMBAf8EBTADAQH/MAoG\n"
			       "CCqGSM49BAMCA0kAMEYCIQDyTJsHknEc6Bal0X5IQAoxX4RRy7ywRqnpfNnNwnqf\n"
			       "UQIhAM281uoOyYkz7beIsRKjaRZKDDQemweLjKY7OL9yA5WL\n"
			       "-----END CERTIFICATE-----\n";

static const char *const cells[] = { "a", "b", "live", "anchors", "anchor-in-use" };

static char folder[] = "/tmp/gangway-fuzz-XXXXXX", given[64], state[64];
static int dir_fd = -1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_fsync(int fd);

/* The disk is not what is tried here. */
int __wrap_fsync(int fd)
{
	return 0;
}

/* --- the folder --- */

static void file_name(size_t i, char name[32])
{
	(void)snprintf(name, 32, "%s.%zu", cells[i / 2 % GW_ELEMENTS(cells)], i % 2);
}

static void remove_files(void)
{
	char name[32];

	for (size_t i = 0; i < 2 * GW_ELEMENTS(cells); i++) {
		file_name(i, name);
		(void)unlinkat(dir_fd, name, 0);
	}
}

static void remove_folder(void)
{
	char path[96];

	remove_files();
	(void)snprintf(path, sizeof(path), "%s/%s", given, CREDENTIAL_CA);
	(void)unlink(path);
	(void)rmdir(given);
	(void)rmdir(state);
	(void)rmdir(folder);
}

static void make_folder(void)
{
	int fd;

	require(mkdtemp(folder) && atexit(remove_folder) == 0);
	(void)snprintf(given, sizeof(given), "%s/given", folder);
	(void)snprintf(state, sizeof(state), "%s/state", folder);
	require(mkdir(given, 0700) == 0 && mkdir(state, 0700) == 0);
	fd = open(given, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(fd >= 0 &&
		gw_write_file(fd, CREDENTIAL_CA,
			      (struct gw_blob){ (const uint8_t *)given_ca, sizeof(given_ca) - 1 },
			      0600) == 0);
	(void)close(fd);
	dir_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(dir_fd >= 0);
}

static void write_file(uint8_t which, struct gw_blob bytes)
{
	char name[32];
	int fd;

	file_name(which, name);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
	(void)close(fd);
}

static void fill(struct gw_blob in)
{
	for (unsigned i = 0; i < STEPS_MAX && in.len; i++) {
		uint8_t which = take_byte(&in);
		struct gw_blob bytes = take_long(&in);

		if (which & 0x80) {
			write_file(which, bytes);
		} else {
			const char *cell = cells[which % GW_ELEMENTS(cells)];

			require(cell_make(dir_fd, cell) == 0);
			require(cell_write(dir_fd, cell, bytes) == 0);
		}
	}
}

/* --- what has to hold --- */

static bool is_wiped(int slot)
{
	bool ret = true;

	for (int turn = 0; turn < 2; turn++) {
		uint8_t *data = NULL;
		char name[32];
		size_t len = 0;

		(void)snprintf(name, sizeof(name), "%s.%d", slots_name(slot), turn);
		require(gw_read_file(dir_fd, name, 1 << 20, &data, &len) == 0);
		for (size_t i = 0; i < len; i++)
			ret &= !data[i];
		free(data);
	}
	return ret;
}

static void check_slots(void)
{
	struct slots slots, again;

	require(slots_open(dir_fd, &slots) == 0);
	require(slots.live == SLOTS_NONE || slots.fill[slots.live] == SLOTS_WHOLE);
	require(slots.live == SLOTS_NONE || slots_candidate(&slots) != slots.live);
	for (int i = 0; i < SLOTS_N; i++)
		require(slots.fill[i] != SLOTS_EMPTY || is_wiped(i));
	require(slots_open(dir_fd, &again) == 0);
	require(again.live == slots.live &&
		memcmp(again.fill, slots.fill, sizeof(again.fill)) == 0);
}

static void try_load(struct keyring *keyring, enum identity_pass pass)
{
	struct credential_facts facts;
	struct ssl_ctx_st *ctx = NULL;
	char why[256] = "";
	int r = keyring_load(keyring, pass, &ctx, &facts, why, sizeof(why));

	require(r == 0 ? ctx != NULL : !ctx && *why);
	require(ERR_peek_error() == 0);
	SSL_CTX_free(ctx);
}

static struct keyring *open_keyring(struct identity *ret)
{
	struct keyring *keyring;

	*ret = (struct identity){ 0 };
	require(keyring_new(GATEWAY, given, state, &keyring) == 0);
	keyring_look(keyring, ret);
	require(ret->can_keep);
	return keyring;
}

/* There may be one in each slot, where no note tells which is live. */
static void drop_candidates(struct keyring *keyring)
{
	struct identity identity;

	for (int i = 0; i < SLOTS_N; i++)
		require(keyring_drop(keyring) == 0);
	keyring_look(keyring, &identity);
	require(identity.candidate == IDENTITY_NO_CANDIDATE);
}

static void check_keyring(void)
{
	struct keypair_request request;
	struct identity identity;
	struct keyring *keyring = open_keyring(&identity);
	bool has_live = identity.has_live;

	try_load(keyring, IDENTITY_GIVEN);
	if (has_live)
		try_load(keyring, IDENTITY_LIVE);
	if (identity.candidate == IDENTITY_CERTIFICATE)
		try_load(keyring, IDENTITY_CANDIDATE);
	drop_candidates(keyring);
	require(keyring_make_key(keyring) == 0);
	keyring_free(keyring);

	keyring = open_keyring(&identity);
	require(identity.candidate == IDENTITY_KEY && identity.has_live == has_live);
	require(keyring_request(keyring, &request) == 0);
	free(request.csr);
	require(keyring_promote(keyring) < 0); /* it has no certificate */
	require(keyring_drop(keyring) == 0);
	keyring_free(keyring);

	keyring = open_keyring(&identity);
	require(identity.candidate == IDENTITY_NO_CANDIDATE && identity.has_live == has_live);
	keyring_free(keyring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (dir_fd < 0)
		make_folder();
	remove_files();
	fill((struct gw_blob){ data, size });
	check_slots();
	check_keyring();
	return 0;
}
