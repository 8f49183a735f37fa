/* SPDX-License-Identifier: GPL-2.0-or-later */
/* roles: from the user that a plugin runs as to its name, and from its name to its role. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "lib/wire.h"

#define ROLES_USER_PREFIX "gangway-"

/*
 * Who a peer with this uid is: 1 and its name ("registrar" for the user gangway-registrar), 0 if it is
 * of our own user and may name itself (development, tests), -EPERM for everybody else.
 */
int roles_identify(uid_t uid, char *name, size_t size);

enum gw_role role_of_name(const char *name);
