/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What anybody, or root, can see on the machine: the room on the disk, the files of the credentials
 * (doctor-credentials.c), and what gangwayd says of its configuration.
 */
#include "tools/ctl/doctor.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "config.h"
#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"

#define STATE       "/var/lib/gangway"
#define CREDENTIALS "/etc/gangway/credentials"
#define OWN         "/var/lib/gangway-mqtt/live" /* which of those that it asked for itself */

#define DISK_LITTLE (64ull << 20)

/* --- disk --- */

static void look_at_disk(struct doctor *doctor)
{
	struct statvfs fs;

	if (statvfs(STATE, &fs) < 0)
		doctor_find(doctor, "disk", DOCTOR_WARNING,
			    "gangwayd.service makes it when it starts.",
			    "The state folder " STATE " cannot be looked at: %s.", strerror(errno));
	else if (fs.f_flag & ST_RDONLY)
		doctor_find(doctor, "disk", DOCTOR_WRONG,
			    "See dmesg for why, and mount it writable.",
			    "The file system of " STATE " is mounted read-only.");
	else if ((uint64_t)fs.f_bavail * fs.f_frsize < DISK_LITTLE)
		doctor_find(doctor, "disk", DOCTOR_WRONG, "Make room.",
			    "Only %llu MiB are free for " STATE ".",
			    (unsigned long long)fs.f_bavail * fs.f_frsize >> 20);
	else if (fs.f_files && fs.f_favail < 256)
		doctor_find(doctor, "disk", DOCTOR_WRONG, "Remove files: see df -i.",
			    "Only %llu inodes are free for " STATE ".",
			    (unsigned long long)fs.f_favail);
	else
		doctor_find(doctor, "disk", DOCTOR_OK, "", "%llu MiB are free for " STATE ".",
			    (unsigned long long)fs.f_bavail * fs.f_frsize >> 20);
}

void doctor_look_from_outside(struct doctor *doctor)
{
	look_at_disk(doctor);
	doctor_look_at_credentials(doctor, CREDENTIALS, OWN);
}

/* --- configuration --- */

/* The first of several says enough, and that there are more. */
static void keep_first_line(char *said, size_t size)
{
	size_t len = strcspn(said, "\n");
	unsigned n = 0;

	for (const char *c = said; *c; c++)
		n += *c == '\n' && c[1];
	said[len] = 0;
	if (n)
		(void)snprintf(said + len, size - len, " (and %u more: gangwayd --check-config)",
			       n);
}

/* What gangwayd says on standard error, its first line; returns its exit status, or -errno. */
static int run_check(const char *config, char *said, size_t size)
{
	int ends[2], status;
	ssize_t n, len = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		(void)execlp("gangwayd", "gangwayd", "--check-config", config ? "--config" : NULL,
			     config, NULL);
		(void)execl(SBINDIR "/gangwayd", "gangwayd", "--check-config",
			    config ? "--config" : NULL, config, NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	while (pid > 0 && (size_t)len < size - 1 &&
	       (n = read(ends[0], said + len, size - 1 - (size_t)len)) > 0)
		len += n;
	said[len] = 0;
	keep_first_line(said, size);
	(void)close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* The agent's own answer for the files that it reads; -ENOSYS where it has none. */
static int ask_agent(struct ctl *ctl, char *said, size_t size)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

	if (sd_bus_call_method(ctl->bus, BUS_NAME, BUS_PATH, BUS_MANAGER, "ListSettings", &error,
			       NULL, "s", "disk") >= 0)
		return 0;
	if (!sd_bus_error_has_name(&error, "org.gangway1.Error.BadConfiguration"))
		return -ENOSYS;
	(void)gw_copy(said, size, error.message ? error.message : "");
	keep_first_line(said, size);
	return 1;
}

void doctor_look_at_config(struct doctor *doctor, struct ctl *ctl, const char *config)
{
	char said[1024] = "";
	int r = -ENOSYS;

	if (doctor->agent_answers && !config)
		r = ask_agent(ctl, said, sizeof(said));
	if (r == -ENOSYS)
		r = run_check(config, said, sizeof(said));

	if (r == 0)
		doctor_find(doctor, "configuration", DOCTOR_OK, "", "The configuration is good.");
	else if (r == 1)
		doctor_find(doctor, "configuration", DOCTOR_WRONG,
			    doctor->agent_answers
				    ? "Mend it: the agent goes on with what it read before, and "
				      "would not start again."
			    : doctor->agent_is_there ? "Mend it, then systemctl reload gangwayd."
						     : "Mend it, then systemctl start gangwayd.",
			    "%s%s", said, *said && said[strlen(said) - 1] == '.' ? "" : ".");
	else if (r == 127)
		doctor_find(doctor, "configuration", DOCTOR_WARNING,
			    "Install the package gangway on this machine.",
			    "There is no gangwayd here that could read the configuration.");
	else
		doctor_find(doctor, "configuration", DOCTOR_WARNING,
			    "Try gangwayd --check-config by hand.",
			    "gangwayd does not say whether the configuration is good.");
}
