/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of keys, and what each type of value must look like. The sentences of the table end up in
 * front of people in three places (the file, the manual page, a terminal), so they are plain text.
 */
#include "agent/settings-key.h"

#include <net/if.h>
#include <stdio.h>

#include "agent/settings.h"
#include "lib/endpoint.h"
#include "lib/util.h"

#define BROKERS_MAX    8  /* as many as gangway-mqtt tries */
#define INTERFACES_MAX 16 /* as many as gangway-ip serves */
#define NEAR_MAX       3  /* letters that may be wrong in a name that is still recognised */
#define NAME_LEN_MAX   64
#define EXPIRED_WORDS  "refuse, grace or claim"

#define FOR_PLUGIN SIZE_MAX
#define IN(member) offsetof(struct settings, member)
#define DAY        86400
#define LONG_AGO   (100ull * 365 * DAY)

#define AGENT   SETTINGS_USE_AGENT
#define PLUGIN  SETTINGS_USE_PLUGIN
#define RESTART SETTINGS_USE_RESTART

/* clang-format off */
static const struct settings_key keys[] = {
	{ "gateway", "id", SETTINGS_TYPE_GATEWAY, 0, 0, NULL, NULL, IN(gateway), AGENT | RESTART,
	  "This gateway's id: the common name of its certificate." },

	{ "cloud", "broker", SETTINGS_TYPE_BROKER, 0, 0, NULL, NULL, IN(cloud_broker), AGENT | PLUGIN,
	  "Where the broker is: mqtts://HOST:PORT. Several, with blanks or commas between them, are tried in this "
	  "order; the one that lets the gateway in is stayed with." },
	{ "cloud", "renew_after", SETTINGS_TYPE_NUMBER, 1, 99, "66", "percent", FOR_PLUGIN, PLUGIN,
	  "After how much of its certificate's life the gateway renews it, or up to a third of the rest later, so "
	  "that not all gateways come at once." },
	{ "cloud", "plain_secrets", SETTINGS_TYPE_BOOL, 0, 0, "no", NULL, IN(cloud_plain_secrets), AGENT,
	  "Whether the cloud may send claim secrets that are not sealed to this gateway." },
	{ "cloud", "device_endpoint", SETTINGS_TYPE_TEXT, 0, 0, "", NULL, IN(cloud_device_endpoint), AGENT,
	  "The cloud endpoint that devices are told in their settings; empty: the broker." },
	{ "cloud", "retry_first", SETTINGS_TYPE_NUMBER, 1, 3600, "2", "seconds", IN(cloud_retry_first_s), PLUGIN,
	  "How long an answer to a request is waited for before the request is repeated the first time. "
	  "Each further wait is longer, up to retry_max." },
	{ "cloud", "retry_max", SETTINGS_TYPE_NUMBER, 1, DAY, "300", "seconds", IN(cloud_retry_max_s), PLUGIN,
	  "The longest wait before an unanswered request is repeated. Not less than retry_first." },
	{ "cloud", "requests_per_second", SETTINGS_TYPE_NUMBER, 1, 1000, "50", "requests a second",
	  IN(cloud_requests_per_second), AGENT | PLUGIN,
	  "How many requests are sent to the cloud at most, those that are repeated as well; at first, and after a pause, as "
	  "many at once. What is more waits in order, so that a gateway which was away for long does not overwhelm the cloud." },
	{ "cloud", "reconnect_spread", SETTINGS_TYPE_NUMBER, 0, 3600, "10", "seconds", FOR_PLUGIN, PLUGIN,
	  "A connection to the broker that was lost is made anew after a pause of any length up to this, and if that fails up to "
	  "twice this, and so on up to a minute or this if it is more. So a fleet whose broker comes back is spread: 1,000 "
	  "gateways are some 100 a second with the default." },
	{ "cloud", "silent_after", SETTINGS_TYPE_NUMBER, 1, 3600, "15", "seconds", FOR_PLUGIN, PLUGIN,
	  "The time without an answer after which the cloud counts as silent." },

	{ "ip", "interfaces", SETTINGS_TYPE_INTERFACES, 0, 0, "lo", NULL, FOR_PLUGIN, PLUGIN,
	  "Downstream interfaces. Devices are served on these only." },
	{ "ip", "coaps_port", SETTINGS_TYPE_NUMBER, 1, 65535, "5684", NULL, FOR_PLUGIN, PLUGIN,
	  "The UDP port on which devices are served." },

	{ "registrar", "psk_ccm8", SETTINGS_TYPE_BOOL, 0, 0, "yes", NULL, FOR_PLUGIN, PLUGIN,
	  "Whether TLS_PSK_WITH_AES_128_CCM_8 is served, which has no forward secrecy but which small devices "
	  "need." },
	{ "registrar", "handshakes_max", SETTINGS_TYPE_NUMBER, 1, 65536, "1024", "handshakes", FOR_PLUGIN, PLUGIN,
	  "How many may be under way in all. Beyond that the oldest goes: of the address, or of the network (an "
	  "IPv6 /64, an IPv4 /24), that has most." },
	{ "registrar", "handshakes_per_source", SETTINGS_TYPE_NUMBER, 1, 65536, "64", "handshakes", FOR_PLUGIN, PLUGIN,
	  "How many may be under way from one address." },
	{ "registrar", "handshake_timeout", SETTINGS_TYPE_NUMBER, 1, 600, "60", "seconds",
	  IN(registrar_handshake_timeout_s), AGENT | PLUGIN,
	  "How long a handshake may take in all." },
	{ "registrar", "sessions_max", SETTINGS_TYPE_NUMBER, 1, 65536, "1024", "sessions", FOR_PLUGIN, PLUGIN,
	  "How many may stand after their handshake. Beyond that the one goes that was silent longest, chosen as "
	  "with handshakes_max." },
	{ "registrar", "sessions_per_source", SETTINGS_TYPE_NUMBER, 1, 65536, "256", "sessions", FOR_PLUGIN, PLUGIN,
	  "How many may stand from one address, behind which there may be a whole site." },
	{ "registrar", "idle_timeout", SETTINGS_TYPE_NUMBER, 1, DAY, "120", "seconds", FOR_PLUGIN, PLUGIN,
	  "How long a session may be idle." },
	{ "registrar", "secret_rate", SETTINGS_TYPE_NUMBER, 1, 10000, "100", "secrets a second",
	  IN(registrar_secret_rate), AGENT | PLUGIN,
	  "How many claim secrets the registrar may ask the agent for." },

	{ "policy", "claim_lifetime", SETTINGS_TYPE_NUMBER, 0, LONG_AGO, "2592000", "seconds", IN(claim_lifetime_s), AGENT,
	  "How long a claim without an expiry of its own is open; 0: for ever. Claims that are open already keep "
	  "their end." },
	{ "policy", "prove_within", SETTINGS_TYPE_NUMBER, 1, LONG_AGO, "86400", "seconds", IN(prove_within_s), AGENT,
	  "How long a device has to prove its new certificate. Holds for those that are out already, too." },

	{ "devices", "renew_after", SETTINGS_TYPE_NUMBER, 1, 99, "66", "percent", IN(devices_renew_after), AGENT,
	  "After how much of its certificate's life a device is to renew it. This and the next one are part of the "
	  "settings that a device asks for; one that renews early is served." },
	{ "devices", "renew_spread", SETTINGS_TYPE_NUMBER, 0, 100, "50", "percent", IN(devices_renew_spread), AGENT,
	  "Over how much of the rest of its life the fleet is spread, so that not all devices come at once; the "
	  "remainder is left for those that are away, or whose gateway or cloud is." },
	{ "devices", "expired", SETTINGS_TYPE_EXPIRED, 0, 0, "refuse", NULL, IN(devices_expired), AGENT,
	  "What a device can still get whose certificate has expired: nothing, so that it takes a claim with "
	  "replacement (refuse); its renewal, within grace_days and once a person has approved it by gangwayctl approve "
	  "(grace); or a way aboard by a new claim, which needs no right to replace then (claim). With an untrusted "
	  "clock none has expired." },
	{ "devices", "grace_days", SETTINGS_TYPE_NUMBER, 1, 3650, "30", "days", IN(devices_grace_days), AGENT,
	  "How long after its end a certificate can be renewed with expired = grace." },
	{ "devices", "notice_days", SETTINGS_TYPE_NUMBER, 1, 36500, "90", "days", IN(devices_notice_days), AGENT,
	  "How long a device that was decommissioned, and has not confirmed it, is let in to be told so. Then the last "
	  "that is kept of it is wiped. Holds for those that have left already, too." },

	{ "devices", "adopt", SETTINGS_TYPE_BOOL, 0, 0, "yes", NULL, IN(devices_adopt), AGENT,
	  "Whether the cloud is asked about a device with a certificate of the fleet that is not on record here: "
	  "because this gateway's store is a new one, it took another's place, or the device was carried here. If the "
	  "cloud says that it is at home here, it is taken aboard; until then it is served nothing. With no it takes a "
	  "claim." },

	{ "devices", "stale_crl", SETTINGS_TYPE_STALE_CRL, 0, 0, "open", NULL, IN(devices_stale_crl_closes), AGENT,
	  "What holds when a revocation list is on record whose time has passed, and no later one has come: devices with "
	  "certificates of that issuer are served as before, and status and doctor say so (open); or they are told to "
	  "come again later until there is a fresh list (closed), so that who keeps the cloud away cannot keep a "
	  "revocation away either. Without a list nothing is out of date, nor is one with an untrusted clock." },

	{ "limits", "devices", SETTINGS_TYPE_NUMBER, 1, 1000000, "10000", "devices", IN(devices_max), AGENT,
	  "How many may be on record. With as many, further claims are refused; nothing that is there is lost." },
	{ "limits", "jobs", SETTINGS_TYPE_NUMBER, 1, 1000000, "5000", "jobs", IN(jobs_max), AGENT,
	  "How many may wait for the cloud. With as many, devices are told to come again later." },
	{ "limits", "discovered", SETTINGS_TYPE_NUMBER, 0, 10000, "256", "devices", IN(discovered_max), AGENT,
	  "How many that knocked without a claim are kept in memory. Beyond that the oldest goes." },
	{ "limits", "discovered_age", SETTINGS_TYPE_NUMBER, 1, LONG_AGO, "3600", "seconds", IN(discovered_age_s), AGENT,
	  "How long each of them is kept." },

	{ "audit", "keep_days", SETTINGS_TYPE_NUMBER, 0, 36500, "365", "days", IN(audit_keep_days), AGENT,
	  "How long a record that the cloud has acknowledged is kept here, too; 0: for ever." },
	{ "audit", "keep_records", SETTINGS_TYPE_NUMBER, 1, 10000000, "100000", "records", IN(audit_keep_records), AGENT,
	  "How many records are kept here. Beyond that the oldest go, if the cloud has acknowledged them." },
	{ "audit", "waiting", SETTINGS_TYPE_NUMBER, 1000, 10000000, "200000", "records", IN(audit_waiting_max), AGENT,
	  "How many records may wait for the cloud. Beyond that the oldest are summarised: how many of which "
	  "kind there were, and when, is kept in their place." },

	{ "clock", "trust", SETTINGS_TYPE_CLOCK, 0, 0, "system-or-cloud", NULL, IN(clock_trusts_cloud), AGENT,
	  "Whose time is trusted: the system's, when it says that it is synchronised (system), or also the cloud's, in "
	  "an answer that is authenticated and fresh (system-or-cloud); see \"What time it is\" in gangwayd(8)." },

	{ "store", "key", SETTINGS_TYPE_STORE_KEY, 0, 0, "auto", NULL, IN(store_key_is_given), AGENT | RESTART,
	  "The key that seals secrets in the store: the service manager's credential store-key and nothing else, or no "
	  "start (credential); or, where there is none, a key file that the agent makes (auto). See gangwayd(8)." },
};
/* clang-format on */

/* --- looking up --- */

const struct settings_key *settings_key_at(size_t i)
{
	return i < GW_ELEMENTS(keys) ? &keys[i] : NULL;
}

const struct settings_key *settings_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < GW_ELEMENTS(keys); i++)
		if (gw_streq(keys[i].section, section) && gw_streq(keys[i].name, name))
			return &keys[i];
	return NULL;
}

bool settings_key_knows_section(const char *section)
{
	for (size_t i = 0; i < GW_ELEMENTS(keys); i++)
		if (gw_streq(keys[i].section, section))
			return true;
	return false;
}

const char *settings_key_other_section(const char *section, const char *name)
{
	for (size_t i = 0; i < GW_ELEMENTS(keys); i++)
		if (gw_streq(keys[i].name, name) && !gw_streq(keys[i].section, section))
			return keys[i].section;
	return NULL;
}

/* --- what was meant --- */

/* Letters to put in, take out or change to make one of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_LEN_MAX + 1], a_len = strlen(a), b_len = strlen(b);

	if (a_len > NAME_LEN_MAX || b_len > NAME_LEN_MAX)
		return SIZE_MAX;
	for (size_t k = 0; k <= b_len; k++)
		row[k] = k;

	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			size_t changed = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			row[k] = GW_MIN(changed, GW_MIN(row[k], row[k - 1]) + 1);
		}
	}
	return row[b_len];
}

/* Keeps the nearer one of two names. */
static void consider(const char *meant, const char *name, const char **best, size_t *least)
{
	size_t far = distance(meant, name);

	if (far <= NEAR_MAX && far < *least && far < strlen(name)) {
		*least = far;
		*best = name;
	}
}

const char *settings_key_near_section(const char *section)
{
	const char *best = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < GW_ELEMENTS(keys); i++)
		consider(section, keys[i].section, &best, &least);
	return best;
}

const char *settings_key_near_name(const char *section, const char *name)
{
	const char *best = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < GW_ELEMENTS(keys); i++)
		if (gw_streq(keys[i].section, section))
			consider(name, keys[i].name, &best, &least);
	return best;
}

/* --- one value --- */

union value {
	bool boolean;
	uint64_t number;
	char text[SETTINGS_TEXT_MAX + 1];
};

static const char *take_bool(const char *value, union value *ret)
{
	if (!gw_streq(value, "yes") && !gw_streq(value, "no"))
		return "must be yes or no";

	ret->boolean = gw_streq(value, "yes");
	return NULL;
}

static const char *take_text(const char *value, union value *ret)
{
	if (gw_copy(ret->text, sizeof(ret->text), value) < 0)
		return "is longer than 256 characters";
	return gw_is_printable(value) ? NULL : "must be printable ASCII";
}

static const char *take_gateway(const char *value, union value *ret)
{
	if (!gw_gateway_id_is_valid(value))
		return "must be 1 to 64 characters of A-Z a-z 0-9 . _ -, and not 'provision'";
	return take_text(value, ret);
}

/* A port left out would be ours to choose, and not the broker's. */
static bool names_port(const char *uri, size_t len)
{
	while (len && uri[len - 1] >= '0' && uri[len - 1] <= '9')
		len--;
	return len && uri[len - 1] == ':';
}

static const char *take_broker(const char *value, union value *ret, char *why)
{
	static const char apart[] = " \t,";
	struct gw_endpoint endpoints[BROKERS_MAX];
	const char *wrong;
	size_t n;

	if (gw_endpoints_parse(value, endpoints, BROKERS_MAX, &n, &wrong) >= 0) {
		wrong = NULL;
		for (const char *at = value + strspn(value, apart); *at; at += strspn(at, apart)) {
			size_t len = strcspn(at, apart);

			wrong = names_port(at, len) ? wrong : "has no port";
			at += len;
		}
	}
	if (!wrong)
		return take_text(value, ret);
	(void)snprintf(why, SETTINGS_WHY_MAX, "must be mqtts://HOST:PORT, but %s", wrong);
	return why;
}

static const char *take_interfaces(const char *value, union value *ret, char *why)
{
	size_t n = 0;

	for (const char *at = value + strspn(value, " "); *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		if (!gw_interface_is_valid(at, len)) {
			(void)snprintf(why, SETTINGS_WHY_MAX,
				       "must be names of interfaces, and '%.*s' cannot be one",
				       (int)GW_MIN(len, (size_t)64), at);
			return gw_is_printable(value) ? why : "must be printable ASCII";
		}
		at += len;
		if (++n > INTERFACES_MAX)
			return "names more than 16 interfaces";
	}
	return take_text(value, ret);
}

static const char *take_clock(const char *value, union value *ret)
{
	if (!gw_streq(value, "system") && !gw_streq(value, "system-or-cloud"))
		return "must be system or system-or-cloud";

	ret->boolean = gw_streq(value, "system-or-cloud");
	return NULL;
}

static const char *take_store_key(const char *value, union value *ret)
{
	if (!gw_streq(value, "auto") && !gw_streq(value, "credential"))
		return "must be auto or credential";

	ret->boolean = gw_streq(value, "credential");
	return NULL;
}

static const char *take_stale_crl(const char *value, union value *ret)
{
	if (!gw_streq(value, "open") && !gw_streq(value, "closed"))
		return "must be open or closed";

	ret->boolean = gw_streq(value, "closed");
	return NULL;
}

static const char *take_expired(const char *value, union value *ret)
{
	static const char *const names[_RENEWAL_EXPIRED_MAX] = {
		[RENEWAL_EXPIRED_REFUSE] = "refuse",
		[RENEWAL_EXPIRED_GRACE] = "grace",
		[RENEWAL_EXPIRED_CLAIM] = "claim",
	};

	for (uint64_t i = 0; i < GW_ELEMENTS(names); i++) {
		if (gw_streq(value, names[i])) {
			ret->number = i;
			return NULL;
		}
	}
	return "must be " EXPIRED_WORDS;
}

static const char *take_number(const struct settings_key *key, const char *value, union value *ret,
			       char *why)
{
	char what[96];

	if (gw_parse_u64(value, key->min, key->max, &ret->number) == 0)
		return NULL;
	settings_key_describe(key, what, sizeof(what));
	(void)snprintf(why, SETTINGS_WHY_MAX, "must be %s", what);
	return why;
}

/* Returns what is wrong, or NULL. */
static const char *take_value(const struct settings_key *key, const char *value, union value *ret,
			      char *why)
{
	switch (key->type) {
	case SETTINGS_TYPE_BOOL: return take_bool(value, ret);
	case SETTINGS_TYPE_NUMBER: return take_number(key, value, ret, why);
	case SETTINGS_TYPE_GATEWAY: return take_gateway(value, ret);
	case SETTINGS_TYPE_BROKER: return take_broker(value, ret, why);
	case SETTINGS_TYPE_TEXT: return take_text(value, ret);
	case SETTINGS_TYPE_INTERFACES: return take_interfaces(value, ret, why);
	case SETTINGS_TYPE_CLOCK: return take_clock(value, ret);
	case SETTINGS_TYPE_STORE_KEY: return take_store_key(value, ret);
	case SETTINGS_TYPE_STALE_CRL: return take_stale_crl(value, ret);
	case SETTINGS_TYPE_EXPIRED: return take_expired(value, ret);
	case _SETTINGS_TYPE_MAX: break;
	}
	abort();
}

static void store_value(const struct settings_key *key, const union value *value, void *to)
{
	switch (key->type) {
	case SETTINGS_TYPE_BOOL:
	case SETTINGS_TYPE_STORE_KEY:
	case SETTINGS_TYPE_STALE_CRL:
	case SETTINGS_TYPE_CLOCK: *(bool *)to = value->boolean; return;
	case SETTINGS_TYPE_NUMBER: *(uint64_t *)to = value->number; return;
	case SETTINGS_TYPE_EXPIRED:
		*(enum renewal_expired *)to = (enum renewal_expired)value->number;
		return;
	case SETTINGS_TYPE_GATEWAY:
	case SETTINGS_TYPE_BROKER:
	case SETTINGS_TYPE_TEXT:
	case SETTINGS_TYPE_INTERFACES: memcpy(to, value->text, sizeof(value->text)); return;
	case _SETTINGS_TYPE_MAX: break;
	}
	abort();
}

bool settings_key_set(const struct settings_key *key, const char *value, struct settings *settings,
		      char why[static SETTINGS_WHY_MAX])
{
	union value taken = { 0 };
	const char *wrong = take_value(key, value, &taken, why);

	if (wrong) {
		if (wrong != why)
			(void)gw_copy(why, SETTINGS_WHY_MAX, wrong);
		return false;
	}
	if (key->offset != FOR_PLUGIN)
		store_value(key, &taken, (char *)settings + key->offset);
	return true;
}

void settings_key_describe(const struct settings_key *key, char *text, size_t size)
{
	switch (key->type) {
	case SETTINGS_TYPE_BOOL: (void)gw_copy(text, size, "yes or no"); return;
	case SETTINGS_TYPE_NUMBER:
		(void)snprintf(text, size, "a number from %llu to %llu",
			       (unsigned long long)key->min, (unsigned long long)key->max);
		return;
	case SETTINGS_TYPE_GATEWAY:
		(void)gw_copy(text, size, "1 to 64 characters of A-Z a-z 0-9 . _ -");
		return;
	case SETTINGS_TYPE_BROKER: (void)gw_copy(text, size, "mqtts://HOST:PORT"); return;
	case SETTINGS_TYPE_TEXT:
		(void)gw_copy(text, size, "text of at most 256 characters");
		return;
	case SETTINGS_TYPE_INTERFACES:
		(void)gw_copy(text, size, "at most 16 names, separated by spaces");
		return;
	case SETTINGS_TYPE_CLOCK: (void)gw_copy(text, size, "system or system-or-cloud"); return;
	case SETTINGS_TYPE_STORE_KEY: (void)gw_copy(text, size, "auto or credential"); return;
	case SETTINGS_TYPE_STALE_CRL: (void)gw_copy(text, size, "open or closed"); return;
	case SETTINGS_TYPE_EXPIRED: (void)gw_copy(text, size, EXPIRED_WORDS); return;
	case _SETTINGS_TYPE_MAX: break;
	}
	abort();
}
