/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder in /tmp; what is left in it that nobody knows of fails the test. */
#include "tests/unit/cloud-home.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/cloud/registry.h"

void cloud_home_make(struct cloud_home *cloud)
{
	(void)snprintf(cloud->folder, sizeof(cloud->folder), "/tmp/gangway-test-XXXXXX");
	assert_non_null(mkdtemp(cloud->folder));
	assert_int_equal(home_open(cloud->folder, &cloud->home), 0);
	assert_int_equal(registry_create(&cloud->home), 0);
	assert_int_equal(registry_open(&cloud->home, &cloud->registry), 0);
}

void cloud_home_remove(struct cloud_home *cloud)
{
	static const char *const files[] = { "registry.db", "registry.db-wal", "registry.db-shm",
					     "doorbell" };

	cloud->registry = registry_free(cloud->registry);
	for (size_t i = 0; i < GW_ELEMENTS(files); i++)
		(void)unlinkat(cloud->home.fd, files[i], 0);
	home_close(&cloud->home);
	assert_int_equal(rmdir(cloud->folder), 0);
}
