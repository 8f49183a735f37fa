/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revocation-list: makes certificate revocation lists (RFC 5280 5): whole ones of one authority's own certificates. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct authority;
struct revocation_list;

struct revocation_list_wish {
	const struct authority *authority;
	uint64_t number, lifetime_s;
	uint64_t since_s; /* 0: now */
};

int revocation_list_new(const struct revocation_list_wish *wish, struct revocation_list **ret);
struct revocation_list *revocation_list_free(struct revocation_list *list);

/* `serial` in hex, `reason` as the registry has it. */
int revocation_list_add(struct revocation_list *list, const char *serial, const char *reason);

/* Signs it; *ret_der is freed by the caller. */
int revocation_list_sign(struct revocation_list *list, uint8_t **ret_der, size_t *ret_len);

/* As people take it, with a zero byte behind it; freed by the caller. NULL: no memory. */
char *revocation_list_pem(const uint8_t *der, size_t len);
