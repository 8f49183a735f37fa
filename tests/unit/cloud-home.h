/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloud-home: a cloud's folder of its own for each test, with an empty registry that is open. */
#pragma once

#include "tools/cloud/home.h"

struct registry;

struct cloud_home {
	char folder[64];
	struct home home;
	struct registry *registry;
};

void cloud_home_make(struct cloud_home *cloud);

/* With all that is in it. */
void cloud_home_remove(struct cloud_home *cloud);
