/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our files are made for us, and LimitFSIZE= of the unit says how much room they may take; but a file system has
 * ioctls that reserve room behind a file's end (FS_IOC_RESVSP), which no limit counts. A unit can refuse a system call as
 * a whole only, and not this one: by it the C library learns the number of the interface on which a name server is
 * (fe80::1%eth0), without which no broker is found there. So what is not asked of sockets is refused from here on.
 * Nothing that we use minds: where it asks for more, it takes a refusal for an answer.
 *
 * System calls of another kind of processor than our own are numbered otherwise; those the unit refuses.
 */
#include "plugins/mqtt/confine.h"

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/ioctl.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "lib/util.h"

#define OF_SOCKETS (SIOCGIFINDEX >> _IOC_TYPESHIFT & _IOC_TYPEMASK)

/* The kernel looks at the lower half only. */
#define REQUEST (offsetof(struct seccomp_data, args[1]) + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0))

int confine_ioctl(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, REQUEST),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, _IOC_TYPESHIFT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, _IOC_TYPEMASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OF_SOCKETS, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { GW_ELEMENTS(steps), steps };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 ? -errno : 0;
}
