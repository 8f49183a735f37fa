/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * polkit asks the agent that is registered for the process that calls, or for its session. pkttyagent(1)
 * registers for its parent, which is us, and says so by closing a pipe; it is waited for, since a
 * question that comes before it is there is answered with no. It is asked before the agent of a desktop: who
 * has typed --ask looks at this terminal.
 *
 * It speaks with the terminal, not with standard input, which may be a label's.
 */
#include "tools/ctl/prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "lib/util.h"
#include "tools/ctl/ctl.h"

#define AGENT    "pkttyagent"
#define READY_MS 10000

extern char **environ;

static int start_agent(struct prompt *prompt, int notify_fd)
{
	char number[16];
	char *const argv[] = { (char[]){ AGENT }, (char[]){ "--notify-fd" }, number, NULL };

	(void)snprintf(number, sizeof(number), "%d", notify_fd);
	return -posix_spawnp(&prompt->agent, AGENT, /* file_actions= */ NULL, /* attrp= */ NULL,
			     argv, environ);
}

/* Ready or gone, the pipe is closed then. */
static void wait_until_ready(int fd)
{
	struct pollfd end = { .fd = fd };

	if (poll(&end, 1, READY_MS) == 0)
		ctl_warn(AGENT
			 " is not ready yet: polkit may not be able to ask for a password here");
}

static int begin(struct prompt *prompt)
{
	int pipes[2], r;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	r = fcntl(pipes[1], F_SETFD, 0) < 0 ? -errno : start_agent(prompt, pipes[1]);
	(void)close(pipes[1]);
	if (r >= 0)
		wait_until_ready(pipes[0]);
	(void)close(pipes[0]);
	return r;
}

void prompt_begin(struct prompt *prompt, const char *bus_address)
{
	_cleanup_close_ int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r;

	if (prompt->agent || geteuid() == 0 || terminal < 0)
		return;

	if (bus_address && setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address, /* replace= */ 1) < 0)
		return;
	r = begin(prompt);
	if (r < 0)
		ctl_warn("cannot start " AGENT " to ask for a password: %s; is polkitd installed?",
			 strerror(-r));
}

void prompt_end(struct prompt *prompt)
{
	if (!prompt->agent)
		return;
	(void)kill(prompt->agent, SIGTERM);
	(void)kill(prompt->agent, SIGCONT);
	while (waitpid(prompt->agent, /* wstatus= */ NULL, 0) < 0 && errno == EINTR)
		;
	prompt->agent = 0;
}
