/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame around a plugin: a plugin in a child process, and the test as the agent it looks for.
 * The plugin tells what happens to it by the text of HEALTH messages and, where there is no link,
 * through a pipe. Nothing waits for a time to pass; a wait that never ends is cut by the guard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/plugin.h"
#include "lib/util.h"

#define GUARD_MS 60000

/* --- the plugin --- */

static struct gw_plugin *self;
static int start_result, welcome_result;
static int told_fd = -1; /* the pipe to the test */

static void tell(const char *what)
{
	assert_int_equal(write(told_fd, what, strlen(what)), strlen(what));
}

static int on_start(struct gw_plugin *plugin, struct sd_event *event, void **ret_userdata)
{
	self = plugin;
	tell("start\n");
	gw_plugin_health(plugin, "nobody hears this");
	gw_plugin_health(plugin, /* text= */ NULL);
	return start_result;
}

static int on_welcome(void *userdata, const struct gw_msg_welcome *welcome)
{
	char text[GW_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s:%s", welcome->gateway, welcome->settings);
	gw_plugin_health(self, text);
	return welcome_result;
}

static int on_message(void *userdata, const struct gw_msg *msg, int *fd)
{
	char text[600];

	if (msg->type == GW_MSG_CHANNEL_GONE) { /* say the same twice, then that all is well */
		gw_plugin_health(self, "ill");
		gw_plugin_health(self, "ill");
		gw_plugin_health(self, /* text= */ NULL);
		return 0;
	}
	if (msg->type == GW_MSG_OFFER) { /* say something too long, twice, and not printable */
		memset(text, 'x', sizeof(text));
		text[0] = '\n';
		text[sizeof(text) - 1] = 0;
		gw_plugin_health(self, text);
		gw_plugin_health(self, text);
		return 0;
	}
	return -EPERM;
}

static void on_lost(void *userdata)
{
	tell("lost\n");
}

static void on_stop(void *userdata)
{
	tell("stop\n");
}

static const char *const steps[] = { "test.one", "test.two" };

static const struct gw_plugin_info info = {
	.name = "test",
	.summary = "A plugin of the tests.",
	.library = "cmocka",
	.steps = steps,
	.n_steps = GW_ELEMENTS(steps),
	.start = on_start,
	.welcome = on_welcome,
	.message = on_message,
	.lost = on_lost,
	.stop = on_stop,
};

/* --- the agent --- */

struct fixture {
	char folder[32], path[64], notify[64], status[600];
	int listener, link;
	int notices; /* as the service manager hears them, -1 if nobody asked */
	pid_t pid;
	int alive;   /* closed by its death (a pidfd would do, but for valgrind) */
	FILE *told;  /* what the plugin tells */
	FILE *wrote; /* what it writes to standard output and error */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)gw_copy(f->folder, sizeof(f->folder), "/tmp/test-plugin.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->path, sizeof(f->path), "%s/link", f->folder);
	f->listener = f->link = f->alive = f->notices = -1;
	start_result = welcome_result = 0;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->pid) {
		(void)kill(f->pid, SIGKILL);
		(void)waitpid(f->pid, NULL, 0);
	}
	if (f->listener >= 0)
		(void)close(f->listener);
	if (f->link >= 0)
		(void)close(f->link);
	if (f->alive >= 0)
		(void)close(f->alive);
	if (f->notices >= 0)
		(void)close(f->notices);
	if (f->told)
		(void)fclose(f->told);
	if (f->wrote)
		(void)fclose(f->wrote);
	(void)unlink(f->path);
	(void)unlink(f->notify);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static void wait_for(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&poll_fd, 1, GUARD_MS), 1);
}

static void listen_here(struct fixture *f, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)gw_copy(address.sun_path, sizeof(address.sun_path), f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, backlog), 0);
}

/* From here on the plugin is a unit: called before it is started. */
static void hear_notices(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(f->notify, sizeof(f->notify), "%s/notify", f->folder);
	(void)gw_copy(address.sun_path, sizeof(address.sun_path), f->notify);
	f->notices = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(f->notices >= 0);
	assert_int_equal(bind(f->notices, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* The next word about how it is that differs from the one before. */
static void assert_status(struct fixture *f, const char *expected)
{
	char line[600];
	ssize_t len;

	do {
		wait_for(f->notices);
		len = recv(f->notices, line, sizeof(line) - 1, 0);
		assert_true(len > 0);
		line[len] = 0;
	} while (strncmp(line, "STATUS=", 7) != 0 || gw_streq(line, f->status));
	(void)gw_copy(f->status, sizeof(f->status), line);
	assert_non_null(strstr(line, expected));
}

/* Starts the plugin in a child; with an option, that stands behind --link PATH. */
static void start_plugin(struct fixture *f, const char *option)
{
	char *argv[] = { (char[]){ "gangway-test" }, (char[]){ "--link" }, f->path,
			 option ? strdup(option) : NULL, NULL };
	int alive[2], told[2], wrote[2];

	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(wrote, O_CLOEXEC), 0);
	(void)fflush(NULL);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (f->notices >= 0)
			(void)setenv("NOTIFY_SOCKET", f->notify, /* overwrite= */ 1);
		told_fd = told[1];
		(void)dup2(wrote[1], STDOUT_FILENO);
		(void)dup2(wrote[1], STDERR_FILENO);
		(void)setvbuf(stdout, NULL, _IONBF, 0);
		_exit(gw_plugin_main(option ? 4 : 3, argv, &info));
	}
	free(argv[3]);
	(void)close(alive[1]);
	(void)close(told[1]);
	(void)close(wrote[1]);
	f->alive = alive[0];
	f->told = fdopen(told[0], "r");
	f->wrote = fdopen(wrote[0], "r");
	assert_true(f->told && f->wrote);
	setbuf(f->told, NULL); /* so that poll() sees all that is unread */
	setbuf(f->wrote, NULL);
}

static void assert_line(FILE *from, const char *expected)
{
	char line[600];

	wait_for(fileno(from));
	assert_non_null(fgets(line, sizeof(line), from));
	assert_string_equal(line, expected);
}

/* Waits for the plugin's end, and returns its exit status. */
static int await_end(struct fixture *f)
{
	int status;

	wait_for(f->alive);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Receives a message; -1 if the plugin has closed the link. Texts hold until the next one. */
static int receive(struct fixture *f, struct gw_msg *ret)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct gw_wire_error error;
	ssize_t len;

	wait_for(f->link);
	len = recv(f->link, buf, sizeof(buf), 0);
	if (len <= 0)
		return -1;
	assert_int_equal(gw_wire_decode(buf, (size_t)len, ret, &error), 0);
	return 0;
}

static void post(struct fixture *f, const struct gw_msg *msg)
{
	uint8_t buf[GW_WIRE_MAX];
	size_t len;

	assert_int_equal(gw_wire_encode(msg, buf, sizeof(buf), &len), 0);
	assert_int_equal(send(f->link, buf, len, MSG_NOSIGNAL), len);
}

static void accept_hello(struct fixture *f)
{
	struct gw_msg msg;

	if (f->link >= 0)
		(void)close(f->link);
	wait_for(f->listener);
	f->link = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(f->link >= 0);
	assert_int_equal(receive(f, &msg), 0);
	assert_int_equal(msg.type, GW_MSG_HELLO);
	assert_int_equal(msg.hello.version_min, GW_WIRE_VERSION);
	assert_int_equal(msg.hello.version_max, GW_WIRE_VERSION);
	assert_string_equal(msg.hello.name, "test");
	assert_string_equal(msg.hello.library, "cmocka");
}

static void post_welcome(struct fixture *f, uint16_t version)
{
	struct gw_msg msg = { .type = GW_MSG_WELCOME,
			      .welcome = { version, "gw-001", "interfaces=eth0" } };

	post(f, &msg);
}

static void assert_health(struct fixture *f, bool ok, const char *text)
{
	struct gw_msg msg;

	assert_int_equal(receive(f, &msg), 0);
	assert_int_equal(msg.type, GW_MSG_HEALTH);
	assert_string_equal(msg.health.text, text);
	assert_int_equal(msg.health.ok, ok);
}

static const char taken_in[] = "gw-001:interfaces=eth0";

/* From nothing to a plugin that was taken in and has said so. */
static void bring_aboard(struct fixture *f)
{
	listen_here(f, 4);
	start_plugin(f, /* option= */ NULL);
	assert_line(f->told, "start\n");
	accept_hello(f);
	post_welcome(f, GW_WIRE_VERSION);
	assert_health(f, false, taken_in);
}

static const struct gw_msg offer = { .type = GW_MSG_OFFER };
static const struct gw_msg gone = { .type = GW_MSG_CHANNEL_GONE };
static const struct gw_msg end = { .type = GW_MSG_SESSION_END };

/* --- connection --- */

static void test_hello_and_welcome(void **state)
{
	struct fixture *f = *state;

	bring_aboard(f);
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	assert_int_equal(await_end(f), 0);
	assert_line(f->told, "stop\n");
}

static void test_ends_by_sigint_too(void **state)
{
	struct fixture *f = *state;

	bring_aboard(f);
	assert_int_equal(kill(f->pid, SIGINT), 0);
	assert_int_equal(await_end(f), 0);
}

static void test_agent_comes_later(void **state)
{
	struct fixture *f = *state;
	char expected[200];

	start_plugin(f, /* option= */ NULL);
	assert_line(f->wrote, "warning: nobody hears this\n");
	(void)snprintf(expected, sizeof(expected),
		       "notice: No agent at %s (No such file or directory), trying again\n",
		       f->path);
	assert_line(f->wrote, expected);
	listen_here(f, 4);
	accept_hello(f);
	post_welcome(f, GW_WIRE_VERSION);
	assert_health(f, false, taken_in);
}

/* An agent that is there and has not got round to it, as one that is not configured. */
static void test_says_what_it_waits_for(void **state)
{
	struct fixture *f = *state;

	hear_notices(f);
	start_plugin(f, /* option= */ NULL);
	assert_status(f, "STATUS=No agent at /tmp/");
	listen_here(f, 4);
	assert_status(f, "STATUS=Waiting at /tmp/");
	accept_hello(f);
	post_welcome(f, GW_WIRE_VERSION);
	assert_status(f, taken_in);
	(void)shutdown(f->link, SHUT_RDWR);
	assert_status(f, "No agent");
	assert_status(f, "Waiting");
}

static void test_agent_goes_and_comes_back(void **state)
{
	struct fixture *f = *state;

	bring_aboard(f);
	for (int i = 0; i < 2; i++) {
		(void)shutdown(f->link, SHUT_RDWR);
		assert_line(f->told, "lost\n");
		accept_hello(f);
		post_welcome(f, GW_WIRE_VERSION);
		/* What it said before is said again: this agent may be a new one. */
		assert_health(f, false, taken_in);
	}
}

/* lost() is for those who were taken in: here it is not called. */
static void test_agent_of_another_version(void **state)
{
	struct fixture *f = *state;
	char expected[300];
	struct gw_msg msg;

	listen_here(f, 4);
	start_plugin(f, /* option= */ NULL);
	assert_line(f->told, "start\n");
	accept_hello(f);
	post_welcome(f, GW_WIRE_VERSION + 1);
	assert_int_equal(receive(f, &msg), -1);

	assert_line(f->wrote, "warning: nobody hears this\n");
	(void)snprintf(
		expected, sizeof(expected),
		"notice: No agent at %s (it speaks version 2 of the link, we speak 1: install "
		"one release), trying again\n",
		f->path);
	assert_line(f->wrote, expected);

	accept_hello(f);
	post_welcome(f, GW_WIRE_VERSION);
	assert_health(f, false, taken_in);
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	assert_line(f->told, "stop\n");
}

static void test_something_else_than_welcome(void **state)
{
	struct fixture *f = *state;
	struct gw_msg msg;

	listen_here(f, 4);
	start_plugin(f, /* option= */ NULL);
	accept_hello(f);
	post(f, &offer);
	assert_int_equal(receive(f, &msg), -1);
	accept_hello(f);
}

static void test_refused_message_breaks_the_link(void **state)
{
	struct fixture *f = *state;
	struct gw_msg msg;

	bring_aboard(f);
	post(f, &end);
	assert_int_equal(receive(f, &msg), -1);
	assert_line(f->told, "lost\n");
	accept_hello(f);
}

/* An agent that does not accept: connect() must not hold the plugin. */
static void test_full_backlog(void **state)
{
	struct fixture *f = *state;
	char expected[200];
	int fds[8];

	listen_here(f, 0);
	for (size_t i = 0; i < GW_ELEMENTS(fds); i++) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		(void)gw_copy(address.sun_path, sizeof(address.sun_path), f->path);
		fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	start_plugin(f, /* option= */ NULL);
	assert_line(f->wrote, "warning: nobody hears this\n");
	(void)snprintf(expected, sizeof(expected),
		       "notice: No agent at %s (Resource temporarily unavailable), trying again\n",
		       f->path);
	assert_line(f->wrote, expected);
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	assert_int_equal(await_end(f), 0);
	for (size_t i = 0; i < GW_ELEMENTS(fds); i++)
		(void)close(fds[i]);
}

static void test_failing_start(void **state)
{
	struct fixture *f = *state;

	start_result = -EIO;
	start_plugin(f, /* option= */ NULL);
	assert_int_equal(await_end(f), 1);
	assert_line(f->wrote, "warning: nobody hears this\n");
	assert_line(f->wrote, "error: gangway-test ends: Input/output error\n");
}

static void test_failing_welcome(void **state)
{
	struct fixture *f = *state;

	welcome_result = -EINVAL;
	listen_here(f, 4);
	start_plugin(f, /* option= */ NULL);
	accept_hello(f);
	post_welcome(f, GW_WIRE_VERSION);
	assert_int_equal(await_end(f), 1);
}

/* --- health --- */

static void test_health_is_said_once(void **state)
{
	struct fixture *f = *state;

	bring_aboard(f);
	post(f, &gone);
	assert_health(f, false, "ill");
	assert_health(f, true, "");
}

static void test_health_is_made_to_fit(void **state)
{
	struct fixture *f = *state;
	char text[GW_TEXT_MAX + 1];

	bring_aboard(f);
	memset(text, 'x', sizeof(text));
	text[0] = '?';
	text[GW_TEXT_MAX] = 0;
	post(f, &offer);
	assert_health(f, false, text);
	post(f, &gone);
	assert_health(f, false, "ill");
}

/* --- command line --- */

static void test_options(void **state)
{
	struct fixture *f = *state;

	start_plugin(f, "--list-steps");
	assert_int_equal(await_end(f), 0);
	assert_line(f->wrote, "test.one\n");
	assert_line(f->wrote, "test.two\n");
}

static void test_help(void **state)
{
	struct fixture *f = *state;

	start_plugin(f, "--help");
	assert_int_equal(await_end(f), 0);
	assert_line(f->wrote, "Usage: gangway-test [--link PATH]\n");
}

static void test_version(void **state)
{
	struct fixture *f = *state;
	char line[100];

	start_plugin(f, "--version");
	assert_int_equal(await_end(f), 0);
	assert_non_null(fgets(line, sizeof(line), f->wrote));
	assert_memory_equal(line, "gangway-test ", 13);
	assert_non_null(strstr(line, ", cmocka\n"));
}

static void test_wrong_use(void **state)
{
	struct fixture *f = *state;

	start_plugin(f, "now");
	assert_int_equal(await_end(f), 2);
	assert_line(f->wrote, "gangway-test: 'now' is not an option; see --help\n");
}

static void test_unknown_option(void **state)
{
	struct fixture *f = *state;

	start_plugin(f, "--now");
	assert_int_equal(await_end(f), 2);
	assert_line(f->wrote, "gangway-test: unrecognized option '--now'\n");
}

/* --- settings --- */

static void test_setting(void **state)
{
	static const char settings[] = "coaps_port=5684\nport=1\nempty=\na=b=c\nlast=x y";
	static const struct {
		const char *key, *value;
	} cases[] = {
		{ "coaps_port", "5684" }, { "port", "1" },   { "empty", "" },
		{ "a", "b=c" },           { "last", "x y" },
	};
	char buf[8];

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		assert_int_equal(gw_plugin_setting(settings, cases[i].key, buf, sizeof(buf)), 0);
		assert_string_equal(buf, cases[i].value);
	}
	assert_int_equal(gw_plugin_setting(settings, "coaps", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(gw_plugin_setting(settings, "x y", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(gw_plugin_setting("", "a", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(gw_plugin_setting("\n\n=\n", "a", buf, sizeof(buf)), -ENOENT);
}

static void test_setting_must_fit(void **state)
{
	char buf[4] = "old";

	assert_int_equal(gw_plugin_setting("a=1234\n", "a", buf, sizeof(buf)), -ENOSPC);
	assert_string_equal(buf, "old");
	assert_int_equal(gw_plugin_setting("a=123\n", "a", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "123");
}

static void test_setting_u64(void **state)
{
	uint64_t value = 7;

	assert_int_equal(gw_plugin_setting_u64("a=5684\n", "a", 1, 65535, &value), 0);
	assert_int_equal(value, 5684);
	assert_int_equal(gw_plugin_setting_u64("a=0\n", "a", 1, 65535, &value), -ERANGE);
	assert_int_equal(gw_plugin_setting_u64("a=65536\n", "a", 1, 65535, &value), -ERANGE);
	assert_int_equal(gw_plugin_setting_u64("a=5x\n", "a", 1, 65535, &value), -EINVAL);
	assert_int_equal(gw_plugin_setting_u64("a=\n", "a", 1, 65535, &value), -EINVAL);
	assert_int_equal(gw_plugin_setting_u64("b=1\n", "a", 1, 65535, &value), -ENOENT);
	assert_int_equal(value, 5684);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_hello_and_welcome),
		TEST(test_ends_by_sigint_too),
		TEST(test_agent_comes_later),
		TEST(test_says_what_it_waits_for),
		TEST(test_agent_goes_and_comes_back),
		TEST(test_agent_of_another_version),
		TEST(test_something_else_than_welcome),
		TEST(test_refused_message_breaks_the_link),
		TEST(test_full_backlog),
		TEST(test_failing_start),
		TEST(test_failing_welcome),
		TEST(test_health_is_said_once),
		TEST(test_health_is_made_to_fit),
		TEST(test_options),
		TEST(test_help),
		TEST(test_version),
		TEST(test_wrong_use),
		TEST(test_unknown_option),
		cmocka_unit_test(test_setting),
		cmocka_unit_test(test_setting_must_fit),
		cmocka_unit_test(test_setting_u64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
