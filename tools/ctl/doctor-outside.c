/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What anybody, or root, can see on the machine: the room on the disk, the files of the credentials, and
 * what gangwayd says of its configuration. Which key fits which certificate only the cloud link can tell.
 */
#include "tools/ctl/doctor.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>

#include "config.h"
#include "lib/base64.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"

#define STATE       "/var/lib/gangway"
#define CREDENTIALS "/etc/gangway/credentials"
#define OWN         "/var/lib/gangway-mqtt/live" /* there is one that the gateway asked for itself */
#define FILE_MAX    262144

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

/* --- credentials --- */

/* The first certificate of a PEM file. */
static int read_certificate(const char *pem, struct gw_x509 *ret)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static uint8_t der[FILE_MAX];
	static char line[FILE_MAX];
	const char *from = strstr(pem, begin), *to = from ? strstr(from, "-----END") : NULL;
	size_t len = 0, der_len;
	int r;

	if (!to)
		return -EBADMSG;
	for (from += strlen(begin); from < to; from++)
		if (*from > ' ')
			line[len++] = *from;
	r = gw_base64_decode(line, len, der, sizeof(der), &der_len);
	return r < 0 ? r : gw_x509_parse((struct gw_blob){ der, der_len }, ret);
}

static void judge_dates(struct doctor *doctor, const char *name, const char *pem)
{
	uint64_t now = (uint64_t)time(NULL);
	struct gw_x509 certificate;

	if (read_certificate(pem, &certificate) < 0)
		doctor_find(doctor, "credentials", DOCTOR_WRONG,
			    "Put the right file there, and restart gangway-mqtt.",
			    CREDENTIALS "/%s holds no certificate.", name);
	else if (now >= certificate.not_after)
		doctor_find(doctor, "credentials", DOCTOR_WRONG,
			    "If the clock is right (timedatectl), get a new one from the cloud's "
			    "operator.",
			    "The certificate in " CREDENTIALS "/%s has expired, by this machine's "
			    "clock.",
			    name);
	else if (now < certificate.not_before)
		doctor_find(doctor, "credentials", DOCTOR_WRONG, "Set the clock: see timedatectl.",
			    "The certificate in " CREDENTIALS "/%s is not good yet, by this "
			    "machine's clock.",
			    name);
}

/* Returns false where nobody can look further. */
static bool look_at_credential(struct doctor *doctor, const char *name)
{
	_cleanup_close_ int folder = open(CREDENTIALS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	int r = folder < 0 ? -errno : gw_read_file(folder, name, FILE_MAX, &data, &len);

	if (r == -EACCES) {
		doctor_find(doctor, "credentials", DOCTOR_WARNING, "Run this as root.",
			    "Only root may look at the credentials in " CREDENTIALS ".");
		return false;
	}
	if (r < 0)
		doctor_find(doctor, "credentials", DOCTOR_WRONG,
			    "Put it there, as the cloud's operator gave it (PEM).",
			    CREDENTIALS "/%s cannot be read: %s.", name, strerror(-r));
	else if (!gw_streq(name, "cloud-key"))
		judge_dates(doctor, name, (const char *)data);
	if (data)
		explicit_bzero(data, len);
	return true;
}

/* A gateway that provisions itself has a claim in the place of a certificate, or its own already. */
static bool provisions_itself(void)
{
	return access(CREDENTIALS "/cloud-cert", F_OK) < 0 &&
	       (access(CREDENTIALS "/cloud-claim-cert", F_OK) == 0 || access(OWN, F_OK) == 0);
}

static void look_at_credentials(struct doctor *doctor)
{
	static const char *const names[] = { "cloud-ca", "cloud-cert", "cloud-key" };
	size_t before = json_array_size(doctor->findings);
	size_t n = provisions_itself() ? 1 : GW_ELEMENTS(names);

	for (size_t i = 0; i < n; i++)
		if (!look_at_credential(doctor, names[i]))
			return;
	if (json_array_size(doctor->findings) == before)
		doctor_find(doctor, "credentials", DOCTOR_OK, "",
			    "The credentials are in " CREDENTIALS ", and their dates hold.");
}

void doctor_look_from_outside(struct doctor *doctor)
{
	look_at_disk(doctor);
	look_at_credentials(doctor);
}

/* --- configuration --- */

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
	said[strcspn(said, "\n")] = 0;
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
	said[strcspn(said, "\n")] = 0;
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
