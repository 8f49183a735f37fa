/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record leaves in sealed memory files of a bounded size: a message on the bus would be copied by
 * the bus, and everything that waits behind it would wait longer.
 */
#include "agent/bus-audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <systemd/sd-bus.h>

#include "agent/agent.h"
#include "agent/answers.h"
#include "agent/audit-lines.h"
#include "agent/audit.h"
#include "agent/bus.h"
#include "lib/util.h"

#define ANSWER_SIZE (1u << 20)
#define SEALS       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int make_file(struct agent *agent, uint64_t from)
{
	_cleanup_close_ int fd = memfd_create("audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	_cleanup_close_ int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	FILE *file;
	int r;

	if (copy < 0)
		return -errno;
	file = fdopen(copy, "w");
	if (!file)
		return -errno;
	(void)TAKE_FD(copy);
	r = audit_lines_print(agent->store, from, ANSWER_SIZE, file);
	(void)fclose(file);
	if (r < 0)
		return r;

	if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int bus_audit_read(struct agent *agent, sd_bus_message *call)
{
	_cleanup_close_ int fd = -1;
	uint64_t from;
	unsigned uid;
	int r = sd_bus_message_read_basic(call, 't', &from);

	if (r < 0)
		return r;
	if (!bus_caller_uid(agent->bus, call, &uid))
		return -EACCES;
	if (!answers_may_hold(agent->answers, uid))
		return sd_bus_reply_method_errorf(
			call, SD_BUS_ERROR_LIMITS_EXCEEDED, "%s",
			answers_held(agent->answers, uid)
				? "You still hold answers to ReadAudit, and there is no place for "
				  "one more: close them first"
				: "Others hold all answers to ReadAudit that there may be: try "
				  "again later");

	fd = make_file(agent, from);
	if (fd < 0)
		return fd;
	r = answers_add(agent->answers, uid, fd);
	return r < 0 ? r : sd_bus_reply_method_return(call, "h", fd);
}
