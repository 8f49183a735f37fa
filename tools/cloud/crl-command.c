/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All parts have the command's id and number, and the digest of the whole list: the gateway answers once it has them all,
 * and all are repeated until then. Where a newer list was made meanwhile, that is sent; the digest keeps the two apart.
 */
#include "tools/cloud/crl-command.h"

#include <openssl/evp.h>

#include "lib/blob.h"
#include "lib/hex.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/body.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/roll.h"
#include "tools/cloud/turn.h"

#define PART_MAX   45056 /* bytes: as base64 it is within the limit of a body */
#define DIGEST_LEN 32

/* The authority's number, by its name. 0: there is none of that name. */
static unsigned number_of(const char *name)
{
	const char *behind = name + strlen(AUTHORITY_DEVICE);
	uint64_t number = 1;

	if (strncmp(name, AUTHORITY_DEVICE, strlen(AUTHORITY_DEVICE)) != 0)
		return 0;
	if (*behind && (*behind != '-' || gw_parse_u64(behind + 1, 2, UINT32_MAX, &number) < 0))
		return 0;
	return (unsigned)number;
}

static int publish_parts(struct turn *turn, const char *topic, const struct command *command,
			 uint64_t seq, struct gw_blob list)
{
	char digest[2 * DIGEST_LEN + 1];
	uint8_t hash[DIGEST_LEN];
	struct body_part part = { .digest = digest,
				  .part = 1,
				  .parts = (unsigned)((list.len + PART_MAX - 1) / PART_MAX) };
	int r = 0;

	if (EVP_Digest(list.data, list.len, hash, /* size= */ NULL, EVP_sha256(),
		       /* impl= */ NULL) != 1)
		return -EIO;
	gw_hex_encode(hash, sizeof(hash), digest);
	for (; part.part <= part.parts && r >= 0; part.part++) {
		size_t at = (size_t)(part.part - 1) * PART_MAX;
		char *body;

		part.content =
			(struct gw_blob){ list.data + at, GW_MIN((size_t)PART_MAX, list.len - at) };
		body = body_command_part(command, seq, &part);
		r = body ? turn_command(turn, topic, body) : -ENOMEM;
	}
	return r;
}

int crl_command_publish(struct registry *registry, struct turn *turn, const char *topic,
			const struct command *command, uint64_t seq)
{
	_cleanup_free_ uint8_t *der = NULL;
	size_t len = 0;
	int r = registry_crl_get(registry, number_of(command->device), &der, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return publish_parts(turn, topic, command, seq, (struct gw_blob){ der, len });
}
