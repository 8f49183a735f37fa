/* SPDX-License-Identifier: GPL-2.0-or-later */
/* issuers: whose certificates the registrar lets in, by the hashes of their names, as it told last. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct issuers;

int issuers_new(struct issuers **ret);
struct issuers *issuers_free(struct issuers *issuers);

/* What ISSUERS brought. */
void issuers_set(struct issuers *issuers, struct gw_blob hashes);

/* Whether a certificate by that name leads to none of them; false where either is not known. NULL issuers: not known. */
bool issuers_lack(const struct issuers *issuers, struct gw_blob hash);
