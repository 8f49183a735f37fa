/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-credentials: which user a caller is, as the bus tells it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct sd_bus_message;

struct bus_credentials {
	bool is_known; /* false: the bus does not say */
	unsigned uid;
	bool in_group;
};

/* The group whose members have rights; it may not be there. */
struct bus_group {
	bool exists;
	gid_t gid;
};

/* From the answer to GetConnectionCredentials. */
void bus_credentials_read(struct sd_bus_message *answer, const struct bus_group *group,
			  struct bus_credentials *ret);

/* Looks the group up. */
void bus_group_find(const char *name, struct bus_group *ret);
