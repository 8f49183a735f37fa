/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accepts connections and asks the kernel who is at the other end. A stranger's connection is closed
 * before a byte of it is read.
 */
#include "agent/link-server.h"

#include <libgen.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/plugins.h"
#include "agent/roles.h"
#include "lib/log.h"
#include "lib/util.h"

#define BACKLOG     16
#define SOCKET_MODE 0660

struct link_server {
	struct agent *agent;
	int fd;
	sd_event_source *io;
	char own_path[108]; /* of a socket that we made and shall remove */
	char path[108];     /* where plugins find it */
	dev_t device;       /* and which file it is */
	ino_t inode;
};

static int take_connection(struct link_server *server, int fd)
{
	char name[GW_NAME_MAX + 1];
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}

	r = roles_identify(peer.uid, name, sizeof(name));
	if (r < 0) {
		gw_log_event(WARNING, PLUGIN_REFUSED,
			     "Uid %u may not connect to the link: it is no plugin's user",
			     peer.uid);
		(void)close(fd);
		return r;
	}
	return plugins_add(server->agent->plugins, fd, r > 0 ? name : NULL);
}

/* They wait for us while we are not configured; who has been started anew since has another connection, and this
 * one would be in the way of it. */
static bool has_gone_already(int fd)
{
	struct pollfd end = { .fd = fd, .events = POLLRDHUP };

	return poll(&end, 1, /* timeout= */ 0) > 0 && end.revents & (POLLHUP | POLLRDHUP);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct link_server *server = userdata;
	/* cppcheck-suppress nullPointer ; accept4() takes it */
	int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int r;

	if (connection < 0)
		return 0;
	if (has_gone_already(connection)) {
		(void)close(connection);
		return 0;
	}
	r = take_connection(server, connection);
	if (r < 0)
		gw_log_event(WARNING, PLUGIN_REFUSED, "A connection to the link was refused: %s",
			     strerror(-r));
	return 0;
}

/* A socket file that nobody answers at is left over from a crash. */
static int remove_stale(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) >= 0)
		return -EADDRINUSE;
	if (errno == ECONNREFUSED && unlink(address->sun_path) < 0)
		return -errno;
	return 0;
}

static int make_socket(struct link_server *server, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	if (gw_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
		return -ENAMETOOLONG;
	r = remove_stale(&address);
	if (r < 0)
		return r;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	(void)gw_copy(server->own_path, sizeof(server->own_path), path);
	if (chmod(path, SOCKET_MODE) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int find_socket(struct link_server *server, const char *path)
{
	if (sd_listen_fds(/* unset_environment= */ 1) > 0) {
		int fd = SD_LISTEN_FDS_START;

		return sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, NULL, 0) > 0 ? fd : -ENOTSOCK;
	}
	return make_socket(server, path);
}

static const char *advice(int r)
{
	switch (r) {
	case -EADDRINUSE: return "another gangwayd is running there; stop it first";
	case -ENOENT: return "its folder is missing; make it, or name another with --link";
	case -ENAMETOOLONG:
		return "its path is longer than 107 bytes; name a shorter one with --link";
	default: return strerror(-r);
	}
}

/* Where it is not known there is nothing to be missed. */
static void note_file(struct link_server *server)
{
	struct sockaddr_un address = { 0 };
	socklen_t len = sizeof(address) - 1;
	struct stat file;

	if (getsockname(server->fd, (struct sockaddr *)&address, &len) < 0 ||
	    lstat(address.sun_path, &file) < 0)
		return;
	(void)gw_copy(server->path, sizeof(server->path), address.sun_path);
	server->device = file.st_dev;
	server->inode = file.st_ino;
}

static int listen_at(struct link_server *server, const char *path)
{
	server->fd = find_socket(server, path);
	if (server->fd < 0)
		return server->fd;
	note_file(server);
	return sd_event_add_io(server->agent->event, &server->io, server->fd, EPOLLIN,
			       on_connection, server);
}

int link_server_new(struct agent *agent, const char *path, struct link_server **ret)
{
	struct link_server *server = calloc(1, sizeof(*server));
	int r = -ENOMEM;

	if (server) {
		server->agent = agent;
		r = listen_at(server, path);
	}
	if (r < 0) {
		gw_log_event(ERROR, START_FAILED, "Cannot listen on the link %s: %s", path,
			     advice(r));
		link_server_free(server);
		return r;
	}

	*ret = server;
	return 0;
}

/* When a file was taken away its folder has changed. */
const char *link_server_lost(const struct link_server *server, uint64_t *ret_since_s)
{
	char path[sizeof(server->path)];
	struct stat file, folder = { 0 };

	if (!*server->path || (lstat(server->path, &file) >= 0 && file.st_dev == server->device &&
			       file.st_ino == server->inode))
		return NULL;
	(void)gw_copy(path, sizeof(path), server->path);
	(void)stat(dirname(path), &folder);
	*ret_since_s = (uint64_t)folder.st_mtime;
	return server->path;
}

struct link_server *link_server_free(struct link_server *server)
{
	if (!server)
		return NULL;

	sd_event_source_disable_unref(server->io);
	if (server->fd >= 0)
		(void)close(server->fd);
	if (*server->own_path)
		(void)unlink(server->own_path);
	free(server);
	return NULL;
}
