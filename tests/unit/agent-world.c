/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The linker puts the functions here in place of the links, the bus, and the clocks (local.mk). Messages
 * are kept as bytes: what the agent left in its own memory is gone when a test looks at them, as on
 * a real link.
 */
#include "tests/unit/agent-world.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/adopt.h"
#include "agent/audit-export.h"
#include "agent/audit-retention.h"
#include "agent/audit.h"
#include "agent/bus-revocation.h"
#include "agent/bus.h"
#include "agent/channels.h"
#include "agent/cloud.h"
#include "agent/discovered.h"
#include "agent/dispatch.h"
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

struct plugin {
	const char *name;
	enum gw_role role;
	bool is_there;
};

struct letter {
	struct letter *next;
	enum gw_role to;
	bool kept;  /* its turn was committed */
	bool heard; /* by the test */
	struct gw_msg msg;
	uint8_t bytes[];
};

struct news {
	struct news *next;
	char text[256];
};

static struct {
	char folder[64];
	struct agent *agent;
	uint64_t realtime_us, monotonic_us, alarm_s;
	bool synchronised;
	struct letter *letters, **last_letter;
	struct news *news, **last_news;
	unsigned n_breaks;
	char trouble[256];
	uint64_t list; /* of which the verdict is */
	struct revocation_verdict verdict;
	char verdict_text[GW_TEXT_MAX + 1];
	struct plugin plugins[_GW_ROLE_MAX];
} world;

/* --- in place of the clocks --- */

uint64_t __wrap_gw_now_realtime_us(void);
uint64_t __wrap_gw_now_monotonic_us(void);
uint64_t __wrap_gw_now_boottime_us(void);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);

uint64_t __wrap_gw_now_realtime_us(void)
{
	return world.realtime_us;
}

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return world.monotonic_us;
}

int __wrap_access(const char *path, int mode)
{
	if (!gw_streq(path, "/run/systemd/timesync/synchronized"))
		return __real_access(path, mode);
	return world.synchronised ? 0 : -1;
}

uint64_t __wrap_gw_now_boottime_us(void)
{
	return world.monotonic_us;
}

int __real_sd_event_source_set_time(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t usec);

int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t usec)
{
	world.alarm_s = usec ? (world.realtime_us + usec - world.monotonic_us) / 1000000 : 0;
	/* Later never comes by itself: the loop goes by the machine's clock, not the world's. */
	return __real_sd_event_source_set_time(source, usec ? UINT64_MAX : 0);
}

uint64_t world_alarm_s(void)
{
	return world.alarm_s;
}

uint64_t world_now_s(void)
{
	return world.realtime_us / 1000000;
}

void world_pass(uint64_t seconds)
{
	world.realtime_us += seconds * 1000000;
	world.monotonic_us += seconds * 1000000;
	due_look(world.agent->due);
}

void world_step(int64_t seconds)
{
	world.realtime_us += (uint64_t)(seconds * 1000000);
	due_look(world.agent->due);
}

void world_trust_clock(bool trusted)
{
	world.synchronised = trusted;
}

/* --- in place of plugins.c --- */

void __wrap_plugin_send(struct plugin *plugin, const struct gw_msg *msg, int fd);
struct plugin *__wrap_plugins_find(struct plugins *plugins, enum gw_role role);
struct plugin *__wrap_plugins_next(struct plugins *plugins, const struct plugin *after);
void __wrap_plugin_get_info(const struct plugin *plugin, struct plugin_info *ret);
const char *__wrap_plugin_name(const struct plugin *plugin);
void __wrap_plugins_release(struct plugins *plugins);
void __wrap_plugins_discard(struct plugins *plugins);
void __wrap_plugins_break_all(struct plugins *plugins, const char *why);

void __wrap_plugin_send(struct plugin *plugin, const struct gw_msg *msg, int fd)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct gw_wire_error error;
	struct letter *letter;
	size_t len;

	if (!plugin)
		return;

	assert_int_equal(gw_wire_encode(msg, buf, sizeof(buf), &len), 0);
	assert_int_equal(fd >= 0, gw_wire_has_fd(msg->type));
	letter = calloc(1, sizeof(*letter) + len);
	assert_non_null(letter);
	memcpy(letter->bytes, buf, len);
	assert_int_equal(gw_wire_decode(letter->bytes, len, &letter->msg, &error), 0);
	letter->to = plugin->role;
	*world.last_letter = letter;
	world.last_letter = &letter->next;
	turn_wake(world.agent->turn);
}

struct plugin *__wrap_plugins_find(struct plugins *plugins, enum gw_role role)
{
	return world.plugins[role].is_there ? &world.plugins[role] : NULL;
}

struct plugin *__wrap_plugins_next(struct plugins *plugins, const struct plugin *after)
{
	size_t i = after ? (size_t)(after - world.plugins) + 1 : 0;

	while (i < _GW_ROLE_MAX && !world.plugins[i].is_there)
		i++;
	return i < _GW_ROLE_MAX ? &world.plugins[i] : NULL;
}

void __wrap_plugin_get_info(const struct plugin *plugin, struct plugin_info *ret)
{
	*ret = (struct plugin_info){ .name = plugin->name, .role = plugin->role };
}

const char *__wrap_plugin_name(const struct plugin *plugin)
{
	return plugin->name;
}

void __wrap_plugins_release(struct plugins *plugins)
{
	for (struct letter *letter = world.letters; letter; letter = letter->next)
		letter->kept = true;
}

void __wrap_plugins_discard(struct plugins *plugins)
{
	struct letter **at = &world.letters;

	while (*at) {
		struct letter *letter = *at;

		if (letter->kept) {
			at = &letter->next;
		} else {
			*at = letter->next;
			free(letter);
		}
	}
	world.last_letter = at;
}

void __wrap_plugins_break_all(struct plugins *plugins, const char *why)
{
	world.n_breaks++;
}

unsigned world_breaks(void)
{
	return world.n_breaks;
}

/* --- in place of the bus --- */

void __wrap_bus_tell_change(struct bus *bus, const struct turn_change *change);
void __wrap_bus_tell_cloud(struct bus *bus);
void __wrap_bus_tell_clock(struct bus *bus);
void __wrap_bus_tell_transport(struct bus *bus, const char *name);
void __wrap_bus_set_trouble(struct bus *bus, const char *text);
void __wrap_bus_revocation_tell(struct agent *agent, uint64_t number,
				const struct revocation_verdict *verdict);

void __wrap_bus_tell_change(struct bus *bus, const struct turn_change *change)
{
	struct news *news = calloc(1, sizeof(*news));

	assert_non_null(news);
	(void)snprintf(news->text, sizeof(news->text), "%s: %s -> %s (%s)", change->device,
		       device_state_name(change->from), device_state_name(change->to),
		       change->reason);
	*world.last_news = news;
	world.last_news = &news->next;
}

void __wrap_bus_tell_cloud(struct bus *bus)
{
}

void __wrap_bus_tell_clock(struct bus *bus)
{
}

void __wrap_bus_tell_transport(struct bus *bus, const char *name)
{
}

void __wrap_bus_set_trouble(struct bus *bus, const char *text)
{
	(void)gw_copy(world.trouble, sizeof(world.trouble), text ? text : "");
}

/* Answered at once: the turn's letters are for the bus. */
void __wrap_bus_revocation_tell(struct agent *agent, uint64_t number,
				const struct revocation_verdict *verdict)
{
	world.list = number;
	world.verdict = *verdict;
	(void)gw_copy(world.verdict_text, sizeof(world.verdict_text), verdict->text);
	world.verdict.text = world.verdict_text;
}

const struct revocation_verdict *world_verdict(uint64_t number)
{
	return world.list == number ? &world.verdict : NULL;
}

const char *world_trouble(void)
{
	return world.trouble;
}

const char *world_news(void)
{
	static char text[256];
	struct news *news = world.news;

	*text = 0;
	if (news) {
		(void)gw_copy(text, sizeof(text), news->text);
		world.news = news->next;
		if (!world.news)
			world.last_news = &world.news;
		free(news);
	}
	return text;
}

/* --- life --- */

static void start(void)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	char error[512] = "";

	assert_non_null(agent);
	world.agent = agent;
	assert_int_equal(sd_event_new(&agent->event), 0);
	agent->settings = (struct settings){
		.gateway = WORLD_GATEWAY,
		.cloud_broker = "mqtts://broker.example:8883",
		.registrar_handshake_timeout_s = 60,
		.claim_lifetime_s = 30 * 86400,
		.prove_within_s = 86400,
		.devices_renew_after = 66,
		.devices_grace_days = 30,
		.devices_notice_days = 90,
		.devices_max = 100,
		.devices_adopt = true,
		.jobs_max = 1000,
		.discovered_max = 4,
		.discovered_age_s = 3600,
		.audit_keep_records = 100000,
		.audit_waiting_max = 100000,
	};
	assert_int_equal(store_open(world.folder, &agent->store, error, sizeof(error)), 0);
	assert_int_equal(vault_open(world.folder, agent->store, VAULT_KEY_AUTO, &agent->vault,
				    error, sizeof(error)),
			 0);
	clock_init(&agent->clock, agent->store, /* trusts_cloud= */ true);
	assert_int_equal(turn_new(agent, &agent->turn), 0);
	assert_int_equal(channels_new(&agent->channels), 0);
	assert_int_equal(cloud_new(&agent->cloud), 0);
	assert_int_equal(neighbours_new(&agent->neighbours), 0);
	assert_int_equal(sessions_new(agent, &agent->sessions), 0);
	assert_int_equal(discovered_new(agent->settings.discovered_max,
					agent->settings.discovered_age_s, &agent->discovered),
			 0);
	assert_int_equal(refusals_new(&agent->refusals), 0);
	assert_int_equal(adopt_new(&agent->adopt), 0);
	assert_int_equal(queue_new(agent, &agent->queue), 0);
	assert_int_equal(due_new(agent, &agent->due), 0);
	assert_int_equal(outlook_new(agent, &agent->outlook), 0);
	assert_int_equal(audit_begin(agent->store, agent->vault, world_now_s()), 0);
	assert_int_equal(revocation_new(&agent->revocation), 0);
	assert_int_equal(audit_export_new(agent, &agent->audit_export), 0);
	assert_int_equal(audit_retention_new(agent, &agent->audit_retention), 0);
}

static void stop(void)
{
	struct agent *agent = world.agent;

	turn_finish(agent->turn);
	agent->revocation = revocation_free(agent->revocation);
	agent->audit_retention = audit_retention_free(agent->audit_retention);
	agent->audit_export = audit_export_free(agent->audit_export);
	agent->due = due_free(agent->due);
	agent->outlook = outlook_free(agent->outlook);
	agent->queue = queue_free(agent->queue);
	agent->refusals = refusals_free(agent->refusals);
	agent->adopt = adopt_free(agent->adopt);
	agent->discovered = discovered_free(agent->discovered);
	agent->sessions = sessions_free(agent->sessions);
	agent->neighbours = neighbours_free(agent->neighbours);
	agent->cloud = cloud_free(agent->cloud);
	agent->channels = channels_free(agent->channels);
	agent->turn = turn_free(agent->turn);
	agent->vault = vault_close(agent->vault);
	agent->store = store_close(agent->store);
	sd_event_unref(agent->event);
	free(agent);
	world.agent = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int world_set_up(void **state)
{
	gw_log_set_level(GW_LOG_ERROR);
	memset(&world, 0, sizeof(world));
	world.last_letter = &world.letters;
	world.last_news = &world.news;
	world.realtime_us = WORLD_START_S * 1000000;
	world.monotonic_us = 5000000;
	world.synchronised = true;
	world.plugins[GW_ROLE_TRANSPORT] = (struct plugin){ "ip", GW_ROLE_TRANSPORT, false };
	world.plugins[GW_ROLE_REGISTRAR] = (struct plugin){ "registrar", GW_ROLE_REGISTRAR, false };
	world.plugins[GW_ROLE_CLOUD] = (struct plugin){ "mqtt", GW_ROLE_CLOUD, false };
	(void)strcpy(world.folder, "/tmp/gangway-world-XXXXXX");
	if (!mkdtemp(world.folder))
		return -1;

	start();
	for (int role = 0; role < _GW_ROLE_MAX; role++)
		world_connect((enum gw_role)role);
	cloud_set_state(world.agent, GW_CLOUD_ONLINE, "");
	world_turn();
	world_forget();
	return 0;
}

int world_tear_down(void **state)
{
	stop();
	__wrap_plugins_release(NULL);
	world_forget();
	while (*world_news())
		;
	return nftw(world.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void stop_all(void)
{
	stop();
	for (int role = 0; role < _GW_ROLE_MAX; role++)
		world.plugins[role].is_there = false;
	__wrap_plugins_release(NULL);
	world_forget();
}

void world_restart(void)
{
	stop_all();
	start();
}

void world_restart_on(const char *folder)
{
	static const char *const names[] = { "gangway.db", "gangway.db-wal", "gangway.db-shm" };
	char from[128], to[128];

	stop_all();
	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		(void)snprintf(from, sizeof(from), "%s/%s", folder, names[i]);
		(void)snprintf(to, sizeof(to), "%s/%s", world.folder, names[i]);
		(void)unlink(to);
		(void)rename(from, to);
	}
	start();
}

struct agent *world_agent(void)
{
	return world.agent;
}

const char *world_folder(void)
{
	return world.folder;
}

void world_turn(void)
{
	int r;

	while ((r = sd_event_run(world.agent->event, 0)) > 0)
		;
	assert_int_equal(r, 0);
	assert_false(store_in_transaction(world.agent->store));
}

void world_spoil_store(void)
{
	assert_int_equal(turn_open(world.agent->turn), 0);
	assert_true(store_exec(world.agent->store, "INSERT INTO meta (key, value) VALUES ('a', 1)",
			       "") > 0);
	assert_int_equal(store_exec(world.agent->store,
				    "INSERT INTO meta (key, value) VALUES ('a', 1)", ""),
			 -EEXIST);
}

void world_connect(enum gw_role role)
{
	world.plugins[role].is_there = true;
	dispatch_welcome(world.agent, &world.plugins[role]);
}

void world_lose(enum gw_role role)
{
	world.plugins[role].is_there = false;
	dispatch_lost(world.agent, &world.plugins[role]);
}

int world_say(enum gw_role role, const struct gw_msg *msg, int fd)
{
	struct gw_wire_error error;
	struct gw_msg copy;
	uint8_t *buf = malloc(GW_WIRE_MAX);
	size_t len;
	int r;

	assert_non_null(buf);
	assert_int_equal(gw_wire_encode(msg, buf, GW_WIRE_MAX, &len), 0);
	assert_int_equal(gw_wire_decode(buf, len, &copy, &error), 0);
	r = dispatch_message(world.agent, &world.plugins[role], &copy, &fd);
	free(buf);
	return r;
}

/* --- listening --- */

static struct letter *find_letter(enum gw_role role, enum gw_msg_type type)
{
	struct letter *letter = world.letters;

	while (letter &&
	       (letter->heard || !letter->kept || letter->to != role || letter->msg.type != type))
		letter = letter->next;
	return letter;
}

const struct gw_msg *world_hear(enum gw_role role, enum gw_msg_type type)
{
	struct letter *letter = find_letter(role, type);

	if (!letter)
		return NULL;
	letter->heard = true;
	return &letter->msg;
}

/* What time it is, the cloud is asked now and then; that is of no test's count. */
static bool asks_time(const struct gw_msg *msg)
{
	return msg->type == GW_MSG_REQUEST && msg->request.kind == GW_REQUEST_TIME;
}

unsigned world_count(enum gw_role role, enum gw_msg_type type)
{
	unsigned n = 0;

	for (struct letter *letter = world.letters; letter; letter = letter->next)
		n += letter->kept && !letter->heard && letter->to == role &&
		     letter->msg.type == type && !asks_time(&letter->msg);
	return n;
}

void world_forget(void)
{
	while (world.letters) {
		struct letter *letter = world.letters;

		assert_true(letter->kept);
		world.letters = letter->next;
		free(letter);
	}
	world.last_letter = &world.letters;
}
