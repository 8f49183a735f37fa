/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * label: the text in a device's QR code, `GW1:` and fields joined by `+`
 * (doc/protocol/label.md). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_LABEL_SECRET_MIN 16  /* bytes */
#define GW_LABEL_SECRET_MAX 32  /* bytes */
#define GW_LABEL_HASH_LEN   32  /* bytes: SHA-256 */
#define GW_LABEL_FIELD_MAX  64  /* characters of I, M, V, T */
#define GW_LABEL_MAX        512 /* characters in all */

struct gw_label {
	char id[GW_LABEL_FIELD_MAX + 1];
	uint8_t secret[GW_LABEL_SECRET_MAX];
	size_t secret_len; /* 0: the label names a public key instead, by the SHA-256 of its SPKI */
	uint8_t key_hash[GW_LABEL_HASH_LEN];
	char model[GW_LABEL_FIELD_MAX + 1]; /* empty: not told; also the next two */
	char vendor[GW_LABEL_FIELD_MAX + 1];
	char transport[GW_LABEL_FIELD_MAX + 1];
	uint64_t expires;    /* the midnight (UTC) that ends its last day; 0 = never */
	bool secret_is_weak; /* all bytes equal or counting: accepted with a warning */
};

/*
 * Reads a label; lower case is taken for upper case, white space around it is dropped. -EBADMSG
 * with a sentence in ret_why that names the field and what to do. Whether it has expired is the
 * caller's question. Only on success is *ret written; wipe it with gw_label_wipe().
 */
int gw_label_parse(const char *text, struct gw_label *ret, const char **ret_why);

/*
 * Writes a label with its check sum; -EINVAL if a field does not fit the alphabet or its limit,
 * -ENOSPC if size is short (GW_LABEL_MAX + 1 never is).
 */
int gw_label_format(const struct gw_label *label, char *text, size_t size);

/* Overwrites the secret. */
void gw_label_wipe(struct gw_label *label);
