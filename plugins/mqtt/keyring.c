/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A key is in memory for as long as it takes to sign or to hand it to TLS, and wiped then. A folder that is not to be had
 * costs renewal, not the connection: then what was given is all there is.
 */
#include "plugins/mqtt/keyring.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/keypair.h"
#include "plugins/mqtt/slots.h"

struct keyring {
	char gateway[GW_ID_MAX + 1];
	char *given, *state;
	int state_fd; /* -1: nothing can be kept */
	char trouble[GW_TEXT_MAX + 1];
	struct slots slots;
	unsigned n_dropped; /* candidates, since we began */
};

const char *keyring_folder(const struct keyring *k)
{
	return k->state ? k->state : k->given;
}

/* --- what there is --------------------------------------------------------------------------- */

void keyring_look(const struct keyring *k, struct identity *i)
{
	static const enum identity_candidate candidates[_SLOTS_FILL_MAX] = {
		[SLOTS_EMPTY] = IDENTITY_NO_CANDIDATE,
		[SLOTS_KEY] = IDENTITY_KEY,
		[SLOTS_WHOLE] = IDENTITY_CERTIFICATE,
	};

	i->can_keep = k->state_fd >= 0;
	i->has_live = i->can_keep && k->slots.live != SLOTS_NONE;
	i->has_given = credential_is_given(k->given, CREDENTIAL_CERT, CREDENTIAL_KEY);
	i->has_claim = i->can_keep &&
		       credential_is_given(k->given, CREDENTIAL_CLAIM_CERT, CREDENTIAL_CLAIM_KEY);
	i->candidate = i->can_keep ? candidates[k->slots.fill[slots_candidate(&k->slots)]]
				   : IDENTITY_NO_CANDIDATE;
}

static int load_own(struct keyring *k, int slot, struct credential_source *source,
		    struct ssl_ctx_st **ret, struct credential_facts *ret_facts, char *why,
		    size_t size)
{
	_cleanup_(slots_pair_done) struct slots_pair pair = { 0 };
	int r = slots_read(&k->slots, slot, &pair);

	if (r < 0) {
		(void)snprintf(why, size, "The gateway's own certificate in %s cannot be read: %s.",
			       k->state, strerror(-r));
		return r;
	}
	source->own = k->state;
	source->cert = source->key = slots_name(slot);
	source->own_cert = pair.certificate;
	source->own_key = pair.key;
	return credential_load(source, k->gateway, ret, ret_facts, why, size);
}

int keyring_load(struct keyring *k, enum identity_pass pass, struct ssl_ctx_st **ret,
		 struct credential_facts *ret_facts, char *why, size_t size)
{
	struct credential_source source = { .given = k->given,
					    .anchors_fd = k->state_fd,
					    .cert = CREDENTIAL_CERT,
					    .key = CREDENTIAL_KEY };

	switch (pass) {
	case IDENTITY_LIVE: return load_own(k, k->slots.live, &source, ret, ret_facts, why, size);
	case IDENTITY_CANDIDATE:
		return load_own(k, slots_candidate(&k->slots), &source, ret, ret_facts, why, size);
	case IDENTITY_CLAIM:
		source.cert = CREDENTIAL_CLAIM_CERT;
		source.key = CREDENTIAL_CLAIM_KEY;
		source.is_claim = true;
		break;
	case IDENTITY_NONE:
	case IDENTITY_GIVEN:
	case _IDENTITY_PASS_MAX: break;
	}
	return credential_load(&source, k->gateway, ret, ret_facts, why, size);
}

/* --- the candidate --------------------------------------------------------------------------- */

int keyring_make_key(struct keyring *k)
{
	uint8_t *pem = NULL;
	size_t len;
	int r;

	r = keypair_make(&pem, &len);
	if (r < 0)
		return r;

	r = slots_store_key(&k->slots, (struct gw_blob){ pem, len });
	explicit_bzero(pem, len);
	free(pem);
	return r;
}

/* A copy: the way from one slot to the other stays the same. */
int keyring_reuse_key(struct keyring *k)
{
	_cleanup_(slots_pair_done) struct slots_pair live = { 0 }, candidate = { 0 };
	int r;

	if (k->slots.live == SLOTS_NONE)
		return -ENOKEY;
	r = slots_read(&k->slots, k->slots.live, &live);
	if (r < 0)
		return r;

	r = slots_read(&k->slots, slots_candidate(&k->slots), &candidate);
	if (r < 0 && r != -ENOENT)
		return r;
	return r >= 0 && gw_blob_equal(candidate.key, live.key)
		       ? 0
		       : slots_store_key(&k->slots, live.key);
}

/* A key that has a certificate already: the id of the job that brought that one would bring it once more. */
static int tell_apart(const struct keyring *k, const struct slots_pair *candidate,
		      struct keypair_request *request)
{
	_cleanup_(slots_pair_done) struct slots_pair live = { 0 };
	int r;

	if (k->slots.live == SLOTS_NONE)
		return 0;
	r = slots_read(&k->slots, k->slots.live, &live);
	if (r < 0 || !gw_blob_equal(candidate->key, live.key))
		return r;
	return keypair_request_again(request, live.certificate, k->n_dropped);
}

int keyring_request(const struct keyring *k, struct keypair_request *ret)
{
	_cleanup_(slots_pair_done) struct slots_pair pair = { 0 };
	int r = slots_read(&k->slots, slots_candidate(&k->slots), &pair);

	if (r >= 0)
		r = keypair_request(pair.key, k->gateway, ret);
	return r < 0 ? r : tell_apart(k, &pair, ret);
}

int keyring_keep(struct keyring *k, struct gw_blob certificate, struct gw_blob chain,
		 const char **ret_why)
{
	_cleanup_(slots_pair_done) struct slots_pair pair = { 0 };
	_cleanup_free_ uint8_t *pem = NULL;
	size_t len;
	int r;

	r = slots_read(&k->slots, slots_candidate(&k->slots), &pair);
	if (r >= 0)
		r = keypair_accept(pair.key, k->gateway, certificate, chain, &pem, &len, ret_why);
	return r < 0 ? r : slots_store_certificate(&k->slots, (struct gw_blob){ pem, len });
}

int keyring_promote(struct keyring *k)
{
	return slots_switch(&k->slots);
}

int keyring_drop(struct keyring *k)
{
	k->n_dropped++;
	return slots_drop(&k->slots);
}

int keyring_forget(struct keyring *k)
{
	int r = 0;

	if (k->state_fd >= 0)
		r = slots_forget(&k->slots);
	if (r >= 0 && k->state_fd >= 0)
		r = anchors_forget(k->state_fd);
	return r;
}

/* --- the broker's anchors -------------------------------------------------------------------- */

int keyring_take_anchors(struct keyring *k, uint64_t seq, struct gw_blob list,
			 struct gw_blob in_use)
{
	_cleanup_free_ uint8_t *given = NULL;
	size_t len = 0;

	if (k->state_fd < 0)
		return 0; /* what we were given has to do */
	(void)credential_given_ca(k->given, &given, &len);
	return anchors_take(k->state_fd, seq, list, in_use, (struct gw_blob){ given, len });
}

int keyring_verified_by(struct keyring *k, struct gw_blob in_use)
{
	_cleanup_free_ uint8_t *given = NULL;
	size_t len = 0;

	if (k->state_fd < 0)
		return 0;
	(void)credential_given_ca(k->given, &given, &len);
	return anchors_verified_by(k->state_fd, in_use, (struct gw_blob){ given, len });
}

/* --- life ------------------------------------------------------------------------------------ */

struct keyring *keyring_free(struct keyring *k)
{
	if (!k)
		return NULL;

	if (k->state_fd >= 0)
		(void)close(k->state_fd);
	free(k->given);
	free(k->state);
	free(k);
	return NULL;
}

GW_DEFINE_CLEANUP(struct keyring *, keyring_free)

static int open_state(struct keyring *k)
{
	int r;

	k->state_fd = open(k->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = k->state_fd < 0 ? -errno : slots_open(k->state_fd, &k->slots);
	if (r >= 0)
		r = anchors_open(k->state_fd);
	if (r < 0 && k->state_fd >= 0)
		(void)close(TAKE_FD(k->state_fd));
	return r;
}

static const char *cure(int error)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT: return "make room on that disk";
	case -EROFS: return "mount that disk for writing; the system's log says why it is not";
	case -EIO: return "that disk fails, see the system's log";
	case -EFBIG: return "see LimitFSIZE= of gangway-mqtt.service";
	default:
		return "make it a folder of this program, with its files (systemd-tmpfiles "
		       "--create gangway.conf)";
	}
}

const char *keyring_check(struct keyring *k)
{
	int r;

	if (!k->state)
		return "";
	r = k->state_fd < 0 ? open_state(k) : 0;
	if (r >= 0)
		r = slots_check(&k->slots);
	if (r >= 0)
		r = anchors_check(k->state_fd);
	*k->trouble = 0;
	if (r < 0)
		(void)snprintf(k->trouble, sizeof(k->trouble),
			       "The gateway's certificate could not be renewed now: nothing can be "
			       "kept in %s (%s): %s.",
			       k->state, strerror(-r), cure(r));
	return k->trouble;
}

int keyring_new(const char *gateway, const char *given, const char *state, struct keyring **ret)
{
	_cleanup_(keyring_freep) struct keyring *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->state_fd = -1;
	k->slots.live = SLOTS_NONE;
	(void)gw_copy(k->gateway, sizeof(k->gateway), gateway);
	k->given = strdup(given);
	k->state = state ? strdup(state) : NULL;
	if (!k->given || (state && !k->state))
		return -ENOMEM;
	if (k->state)
		(void)open_state(k);

	*ret = TAKE_PTR(k);
	return 0;
}
