/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets up what agent.c does, but for the settings, the bus and the listening socket. The linker puts a
 * store in memory in place of the file, and the test's clock in place of the machine's (local.mk).
 */
#include "tests/fuzz/agent-room.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/adopt.h"
#include "agent/answers.h"
#include "agent/audit-export.h"
#include "agent/audit-retention.h"
#include "agent/audit.h"
#include "agent/bus-revocation.h"
#include "agent/bus-verify.h"
#include "agent/bus.h"
#include "agent/channels.h"
#include "agent/cloud.h"
#include "agent/discovered.h"
#include "agent/due.h"
#include "agent/neighbours.h"
#include "agent/outlook.h"
#include "agent/plugins.h"
#include "agent/queue.h"
#include "agent/refusals.h"
#include "agent/revocation.h"
#include "agent/sessions.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "agent/vault.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tests/fuzz/fake-random.h"
#include "tests/fuzz/input.h"

#define LOOPS_MAX 1000 /* turns of the loop before it counts as one that never rests */

static struct agent *agent;
static uint64_t passed_us;

/* --- in place of the machine --- */

void __wrap_gw_log_tagged(enum gw_log_level level, const struct gw_log_tags *tags,
			  const char *format, ...);
uint64_t __wrap_gw_now_realtime_us(void);
uint64_t __wrap_gw_now_monotonic_us(void);
uint64_t __wrap_gw_now_boottime_us(void);
int __real_sd_event_source_set_time(sd_event_source *source, uint64_t us);
int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t us);
int __real_sd_event_source_set_time_relative(sd_event_source *source, uint64_t us);
int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t us);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_sqlite3_open_v2(const char *path, sqlite3 **ret, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret, int flags, const char *vfs);

/* There is much to complain of here. */
void __wrap_gw_log_tagged(enum gw_log_level level, const struct gw_log_tags *tags,
			  const char *format, ...)
{
}

uint64_t __wrap_gw_now_realtime_us(void)
{
	return ROOM_START_S * 1000000 + passed_us;
}

uint64_t __wrap_gw_now_boottime_us(void)
{
	return __wrap_gw_now_monotonic_us();
}

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return 5000000 + passed_us;
}

/* Later never comes by itself: the loop goes by the machine's clock. */
int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t us)
{
	return __real_sd_event_source_set_time(source, us ? UINT64_MAX : 0);
}

/* What gathers for a moment what comes has no more to wait for. */
int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t us)
{
	return us < 1000000 ? __real_sd_event_source_set_time_relative(source, 0)
			    : __real_sd_event_source_set_time(source, UINT64_MAX);
}

int __wrap_access(const char *path, int mode)
{
	return gw_streq(path, "/run/systemd/timesync/synchronized") ? 0 : __real_access(path, mode);
}

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret, int flags, const char *vfs)
{
	return __real_sqlite3_open_v2(":memory:", ret, flags, vfs);
}

/* --- the key of the store, the only file --- */

static char folder[] = "/tmp/gangway-fuzz-XXXXXX";

static void remove_folder(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/store-key", folder);
	(void)unlink(path);
	(void)rmdir(folder);
}

static void make_folder(void)
{
	static const char key[] = "a key that seals what fuzzers say";
	char path[64];
	int fd;

	require(mkdtemp(folder) && atexit(remove_folder) == 0);
	(void)snprintf(path, sizeof(path), "%s/store-key", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, key, sizeof(key)) == sizeof(key) && close(fd) == 0);
	require(setenv("CREDENTIALS_DIRECTORY", folder, 1) == 0);
}

/* --- life --- */

struct agent *room_begin(void)
{
	char error[512];

	if (strstr(folder, "XXXXXX"))
		make_folder();
	fake_random_begin(/* seed= */ 4711);
	passed_us = 0;
	agent = calloc(1, sizeof(*agent));
	require(agent && sd_event_new(&agent->event) == 0);
	agent->settings = (struct settings){
		.gateway = "gw-1",
		.cloud_broker = "mqtts://broker.example",
		.cloud_plain_secrets = true,
		.registrar_handshake_timeout_s = 60,
		.registrar_secret_rate = 100,
		.claim_lifetime_s = 30 * 86400,
		.prove_within_s = 86400,
		.devices_renew_after = 66,
		.devices_renew_spread = 50,
		.devices_expired = RENEWAL_EXPIRED_GRACE,
		.devices_grace_days = 30,
		.devices_max = 4,
		.devices_adopt = true,
		.devices_stale_crl_closes = true,
		.jobs_max = 8,
		.discovered_max = 4,
		.discovered_age_s = 3600,
		.clock_trusts_cloud = true,
		.audit_keep_records = 8,
		.audit_waiting_max = 64,
	};
	require(store_open(folder, &agent->store, error, sizeof(error)) == 0);
	require(vault_open(folder, agent->store, VAULT_KEY_AUTO, &agent->vault, error,
			   sizeof(error)) == 0);
	clock_init(&agent->clock, agent->store, /* trusts_cloud= */ true);
	require(turn_new(agent, &agent->turn) == 0);
	require(plugins_new(agent, &agent->plugins) == 0);
	require(channels_new(&agent->channels) == 0);
	require(cloud_new(&agent->cloud) == 0);
	require(neighbours_new(&agent->neighbours) == 0);
	require(sessions_new(agent, &agent->sessions) == 0);
	require(discovered_new(4, 3600, &agent->discovered) == 0);
	require(refusals_new(&agent->refusals) == 0);
	require(adopt_new(&agent->adopt) == 0);
	require(answers_new(agent->event, &agent->answers) == 0);
	require(queue_new(agent, &agent->queue) == 0);
	require(due_new(agent, &agent->due) == 0);
	require(outlook_new(agent, &agent->outlook) == 0);
	require(audit_begin(agent->store, agent->vault, ROOM_START_S) == 0);
	require(audit_export_new(agent, &agent->audit_export) == 0);
	require(audit_retention_new(agent, &agent->audit_retention) == 0);
	require(bus_verify_new(agent, &agent->verify) == 0);
	require(revocation_new(&agent->revocation) == 0);
	require(bus_revocation_new(&agent->bus_revocation) == 0);
	return agent;
}

void room_end(void)
{
	sd_event *event = agent->event;

	agent = agent_free(agent);
	sd_event_unref(event);
}

void room_run(void)
{
	int r = 1;

	for (unsigned i = 0; r > 0; i++) {
		require(i < LOOPS_MAX);
		r = sd_event_run(agent->event, 0);
	}
	require(r == 0);
	require(!store_in_transaction(agent->store));
}

void room_pass(uint64_t seconds)
{
	passed_us += seconds * 1000000;
	due_look(agent->due);
	room_run();
}

int room_connect(const char *name)
{
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	require(plugins_add(agent->plugins, fds[1], *name ? name : NULL) == 0);
	return fds[0];
}
