/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that can go wrong between an operator and the agent ends here as one line: what was
 * refused and why with the reason's code, or what is not there and how to start it. The bus is
 * opened by the first call, so that verbs that need none (qr) work on a desk without a gateway.
 *
 * An agent that has too much to do says so before it has done anything: then the call is tried again, some
 * seconds long, before an operator has to.
 */
#include "tools/ctl/bus.h"

#include <time.h>

#include "lib/reason.h"
#include "lib/util.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/prompt.h"
#include "tools/ctl/values.h"

#define CALL_TIMEOUT_US (60 * 1000000ull)
#define ASK_TIMEOUT_US  (180 * 1000000ull) /* the agent gives people two minutes */
#define TRIES           6
#define PAUSE_FIRST_MS  100 /* doubled with each */
#define NOT_RUNNING     "gangwayd is not on this bus: start it, with systemctl start gangwayd"
#define NOT_STARTING    "gangwayd does not start: gangwayctl doctor says why"
#define MASKED          "gangwayd is masked: systemctl unmask gangwayd.service, then start it"

/* The bus's own errors, and -errno turned into them by sd-bus, in our words. */
static const struct {
	const char *name, *sentence;
} bus_errors[] = {
	{ SD_BUS_ERROR_SERVICE_UNKNOWN, NOT_RUNNING },
	{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, NOT_RUNNING },
	{ "org.freedesktop.DBus.Error.Spawn.ServiceNotFound", NOT_RUNNING },
	{ "org.freedesktop.systemd1.NoSuchUnit", NOT_RUNNING },
	{ "org.freedesktop.systemd1.UnitMasked", MASKED },
	{ "org.freedesktop.DBus.Error.TimedOut", NOT_STARTING }, /* the bus gave up starting it */
	{ "org.freedesktop.DBus.Error.Spawn.ChildExited", NOT_STARTING },
	{ SD_BUS_ERROR_NO_REPLY, "gangwayd did not answer in time: see journalctl -u gangwayd" },
	{ SD_BUS_ERROR_TIMEOUT, "gangwayd did not answer in time: see journalctl -u gangwayd" },
	{ SD_BUS_ERROR_DISCONNECTED, "the bus closed the connection: is dbus.service running?" },
	{ SD_BUS_ERROR_UNKNOWN_METHOD,
	  "gangwayd does not know this call: it and gangwayctl are of different versions" },
	{ SD_BUS_ERROR_UNKNOWN_INTERFACE,
	  "gangwayd does not know this call: it and gangwayctl are of different versions" },
};

int bus_fail(int r)
{
	if (r == -EBADMSG || r == -ENXIO)
		return ctl_fail(
			"gangwayd's answer makes no sense: it and gangwayctl are of different "
			"versions");
	return ctl_fail("cannot talk to gangwayd: %s", strerror(-r));
}

/* Texts that came from far away (a cloud's own words) must not move the cursor. */
static void print_clean(char *text, size_t size, const char *from)
{
	(void)gw_copy(text, size, from);
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static int report_refusal(const char *what, const char *code, const char *message)
{
	char text[512];
	enum gw_reason reason;

	if (!message || !*message)
		message = gw_reason_from_code(code, &reason) == 0 ? gw_reason_text(reason)
								  : "gangwayd does not say why.";
	print_clean(text, sizeof(text), message);
	if (gw_streq(code, gw_reason_code(GW_REASON_UNCONFIGURED))) /* whatever was asked for */
		return ctl_fail("%s (%s)", text, code);
	return ctl_fail("%s refused: %s (%s)", what, text, code);
}

/* The bus's own words, which name its rules and all processes concerned, and not what to do. */
static bool is_of_bus_policy(const char *message)
{
	return strncmp(message, "Rejected ", 9) == 0 || strncmp(message, "Sender is not ", 14) == 0;
}

/* gangwayd's words say which right is missing, or what is wrong with polkit. */
static int report_denial(const char *what, const char *message)
{
	if (message && *message && !is_of_bus_policy(message))
		return report_refusal(what, "not-allowed", message);
	return ctl_fail("%s refused: you do not have the right to do this; root has, and the "
			"group gangway for most verbs (not-allowed)",
			what);
}

/* Polkit could not ask for it: nobody let it, or nobody was there. */
static int report_unconfirmed(const struct ctl *ctl, const char *what)
{
	return ctl_fail("%s refused: an administrator has to confirm it: %s (not-allowed)", what,
			ctl->ask ? "there was nobody to ask, or nobody answered"
				 : "with --ask you can type the password");
}

/* NULL: none of those errors. Not every bus says why it could not start what was called. */
static const char *find_sentence(struct ctl *ctl, const char *name)
{
	for (size_t i = 0; i < GW_ELEMENTS(bus_errors); i++)
		if (gw_streq(bus_errors[i].name, name))
			return gw_streq(bus_errors[i].sentence, NOT_RUNNING) &&
					       doctor_agent_is_masked(ctl)
				       ? MASKED
				       : bus_errors[i].sentence;
	return NULL;
}

static int report_error(struct ctl *ctl, const char *what, const sd_bus_error *error)
{
	char code[64], text[512];
	const char *sentence;

	if (gw_reason_code_of_error(error->name, code, sizeof(code)) == 0)
		return report_refusal(what, code, error->message);
	if (gw_streq(error->name, SD_BUS_ERROR_UNKNOWN_OBJECT)) /* a device, all others are there */
		return report_refusal(what, gw_reason_code(GW_REASON_NOT_FOUND), NULL);
	if (gw_streq(error->name, SD_BUS_ERROR_ACCESS_DENIED))
		return report_denial(what, error->message);
	if (gw_streq(error->name, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		return report_unconfirmed(ctl, what);
	sentence = find_sentence(ctl, error->name);
	if (sentence)
		return ctl_fail("%s", sentence);

	print_clean(text, sizeof(text), error->message ? error->message : "no reason given");
	if (gw_streq(error->name, SD_BUS_ERROR_LIMITS_EXCEEDED))
		return ctl_fail("%s refused: %s; gave up after %d times (limits-exceeded)", what,
				text, TRIES);
	return ctl_fail("%s failed: %s (%s)", what, text, error->name);
}

static int connect_bus(struct ctl *ctl)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	int r;

	if (!ctl->bus_address)
		return sd_bus_open_system(&ctl->bus);

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, ctl->bus_address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, /* b= */ true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		ctl->bus = TAKE_PTR(bus);
	return r;
}

int bus_try(struct ctl *ctl)
{
	int r = ctl->bus ? 0 : connect_bus(ctl);

	if (r < 0)
		return r;
	(void)sd_bus_set_method_call_timeout(ctl->bus, ctl->ask ? ASK_TIMEOUT_US : CALL_TIMEOUT_US);
	if (ctl->ask) {
		(void)sd_bus_set_allow_interactive_authorization(ctl->bus, /* b= */ true);
		prompt_begin(ctl->prompt, ctl->bus_address);
	}
	return r;
}

int bus_open(struct ctl *ctl)
{
	const char *address =
		ctl->bus_address ? ctl->bus_address : getenv("DBUS_SYSTEM_BUS_ADDRESS");
	int r;

	r = bus_try(ctl);
	if (r < 0)
		return ctl_fail("cannot reach the bus at %s: %s; is dbus.service running?",
				address ? address : "its usual place", strerror(-r));
	return CTL_DONE;
}

void bus_close(struct ctl *ctl)
{
	ctl->bus = sd_bus_flush_close_unref(ctl->bus);
}

static int new_call(struct ctl *ctl, const char *path, const char *interface, const char *method,
		    sd_bus_message **ret)
{
	int r;

	if (bus_open(ctl) != CTL_DONE)
		return CTL_FAILED;

	r = sd_bus_message_new_method_call(ctl->bus, ret, BUS_NAME, path, interface, method);
	return r < 0 ? bus_fail(r) : CTL_DONE;
}

int bus_new_call(struct ctl *ctl, const char *method, sd_bus_message **ret)
{
	return new_call(ctl, BUS_PATH, BUS_MANAGER, method, ret);
}

int bus_new_device_call(struct ctl *ctl, const char *id, const char *method, sd_bus_message **ret)
{
	_cleanup_free_ char *path = NULL;
	int r = sd_bus_path_encode(BUS_PATH "/device", id, &path);

	return r < 0 ? bus_fail(r) : new_call(ctl, path, BUS_DEVICE, method, ret);
}

static void pause_ms(unsigned ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000l };

	(void)nanosleep(&time, /* rem= */ NULL);
}

/* As sd_bus_call(), and again while the agent is busy. */
static int call_patiently(struct ctl *ctl, sd_bus_message *call, sd_bus_error *error,
			  sd_bus_message **ret_reply)
{
	int r = sd_bus_call(ctl->bus, call, /* usec= */ 0, error, ret_reply);

	for (unsigned i = 1;
	     i < TRIES && sd_bus_error_has_name(error, SD_BUS_ERROR_LIMITS_EXCEEDED); i++) {
		sd_bus_error_free(error);
		pause_ms(PAUSE_FIRST_MS << (i - 1));
		r = sd_bus_call(ctl->bus, call, /* usec= */ 0, error, ret_reply);
	}
	return r;
}

int bus_call(struct ctl *ctl, sd_bus_message *call, const char *what, sd_bus_message **ret_reply)
{
	_cleanup_free_ char *text = NULL;

	return bus_call_or_text(ctl, call, what, /* code= */ "", ret_reply, &text);
}

int bus_call_or_text(struct ctl *ctl, sd_bus_message *call, const char *what, const char *code,
		     sd_bus_message **ret_reply, char **ret_text)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	char name[128];
	int r;

	*ret_text = NULL;
	r = call_patiently(ctl, call, &error, ret_reply);
	if (r >= 0)
		return CTL_DONE;

	gw_reason_error_name(code, name, sizeof(name));
	if (*code && sd_bus_error_has_name(&error, name))
		*ret_text = strdup(error.message);
	if (*ret_text)
		return CTL_FAILED;
	return sd_bus_error_is_set(&error) ? report_error(ctl, what, &error) : bus_fail(r);
}

int bus_get_all(struct ctl *ctl, const char *path, const char *interface, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = new_call(ctl, path, "org.freedesktop.DBus.Properties", "GetAll", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append(call, "s", interface);
	if (r < 0)
		return bus_fail(r);

	r = call_patiently(ctl, call, &error, &reply);
	if (sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT)) {
		*ret = NULL;
		return CTL_DONE;
	}
	if (r < 0)
		return sd_bus_error_is_set(&error) ? report_error(ctl, "reading", &error)
						   : bus_fail(r);

	r = values_read_properties(reply, ret);
	return r < 0 ? bus_fail(r) : CTL_DONE;
}

int bus_get_device(struct ctl *ctl, const char *id, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const char *path;
	int r;

	r = bus_new_call(ctl, "GetDevice", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append(call, "s", id);
	if (r < 0)
		return bus_fail(r);

	r = bus_call(ctl, call, "show", &reply);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return bus_fail(r);

	r = bus_get_all(ctl, path, BUS_DEVICE, ret);
	if (r == CTL_DONE && !*ret)
		return report_refusal("show", "not-found", NULL);
	return r;
}
