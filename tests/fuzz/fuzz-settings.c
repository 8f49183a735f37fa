/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's configuration file, whatever is in it: it is refused with a sentence, or read into values
 * within their bounds, with nothing left over; and read twice it says the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/settings.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(uint64_t number, uint64_t min, uint64_t max)
{
	return number >= min && number <= max;
}

static void check(const struct settings *s)
{
	static const char *const sections[] = { "cloud", "ip", "registrar" };

	require(gw_gateway_id_is_valid(s->gateway) && strncmp(s->cloud_broker, "mqtts://", 8) == 0);
	require(gw_is_printable(s->cloud_device_endpoint) && gw_is_printable(s->cloud_broker));
	require(is_within(s->registrar_handshake_timeout_s, 1, 600));
	require(is_within(s->registrar_secret_rate, 1, 10000));
	require(is_within(s->devices_max, 1, 1000000) && is_within(s->jobs_max, 1, 1000000));
	require(s->discovered_max <= 10000 && s->discovered_age_s > 0 && s->prove_within_s > 0);
	for (size_t i = 0; i < GW_ELEMENTS(sections); i++)
		require(strlen(settings_section(s, sections[i])) < GW_SETTINGS_MAX);
}

static int read_again(const char *path, const struct settings *before)
{
	struct settings s;
	char error[512];

	if (settings_read(path, &s, error, sizeof(error)) < 0)
		return -1;
	require(memcmp(&s, before, offsetof(struct settings, sections)) == 0);
	require(gw_streq(settings_section(&s, "ip"), settings_section(before, "ip")));
	settings_done(&s);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("gangway.conf", MFD_CLOEXEC);
	struct settings s;
	char path[32], error[512] = "";

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&s, 0, sizeof(s));
	if (settings_read(path, &s, error, sizeof(error)) < 0) {
		require(*error);
		return 0;
	}
	check(&s);
	require(read_again(path, &s) == 0);
	settings_done(&s);
	return 0;
}
