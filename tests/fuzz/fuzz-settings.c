/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's configuration file, whatever is in it: it is refused with a sentence, or read into values
 * within their bounds, with nothing left over; read again as a drop-in of itself it says the same, and each
 * value comes from a line that is there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/settings-disk.h"
#include "agent/settings-file.h"
#include "agent/settings-report.h"
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
	static const char *const sections[] = { "cloud", "ip", "registrar", "acme" };
	char text[SETTINGS_SECTION_MAX];

	require(gw_gateway_id_is_valid(s->gateway) && strncmp(s->cloud_broker, "mqtts://", 8) == 0);
	require(gw_is_printable(s->cloud_device_endpoint) && gw_is_printable(s->cloud_broker));
	require(is_within(s->registrar_handshake_timeout_s, 1, 600));
	require(is_within(s->registrar_secret_rate, 1, 10000));
	require(is_within(s->devices_max, 1, 1000000) && is_within(s->jobs_max, 1, 1000000));
	require(s->cloud_retry_first_s <= s->cloud_retry_max_s);
	require(s->discovered_max <= 10000 && s->discovered_age_s > 0 && s->prove_within_s > 0);
	for (size_t i = 0; i < GW_ELEMENTS(sections); i++) {
		settings_of_plugin(s, sections[i], text);
		require(strlen(text) < GW_SETTINGS_MAX);
	}
}

static unsigned count_lines(const uint8_t *data, size_t size)
{
	unsigned n = 1;

	for (size_t i = 0; i < size; i++)
		n += data[i] == '\n';
	return n;
}

static void check_sources(const struct settings *s, unsigned n_lines)
{
	for (const struct settings_entry *e = s->entries; e; e = e->next) {
		const char *line = strrchr(e->source, ':');

		require(gw_is_printable(e->value) && strlen(e->value) <= SETTINGS_TEXT_MAX);
		require(gw_streq(e->source, "default") ||
			(line && atoi(line + 1) > 0 && (unsigned)atoi(line + 1) <= n_lines));
	}
}

static void read_again(const struct settings_paths *paths, const struct settings_blob *draft,
		       const struct settings *before, struct settings_report *report)
{
	struct settings s;

	memset(&s, 0, sizeof(s));
	require(settings_read(paths, draft, &s, report) == 0);
	require(memcmp(&s, before, offsetof(struct settings, entries)) == 0);
	require(!settings_differ_for_plugin(&s, before, "ip"));
	settings_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("gangway.conf", MFD_CLOEXEC);
	char path[32], *copy = malloc(size + 1), given[] = "given";
	struct settings_blob draft = { given, copy, size, false };
	const struct settings_paths paths = { .file = path };
	static struct settings_report report;
	struct settings s;

	require(fd >= 0 && copy && write(fd, data, size) == (ssize_t)size);
	memcpy(copy, data, size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&s, 0, sizeof(s));
	if (settings_read(&paths, /* draft= */ NULL, &s, &report) < 0) {
		require(report.n > 0 && *report.problems[0]);
	} else {
		check(&s);
		check_sources(&s, count_lines(data, size));
		read_again(&paths, &draft, &s, &report);
		settings_done(&s);
	}
	free(copy);
	return 0;
}
