/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link: one end of a connection between agent and plugin, in an sd-event loop. Messages of wire.h
 * in, messages out; sending never blocks and never fails for want of room: a peer that does not
 * read until the queue is full loses the link. Buffers are wiped after use, since secrets pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_link;
struct gw_msg;
struct sd_event;

/* Bytes that may wait for a peer that does not read, with what the queue itself takes; configurable by
 * nobody: it is a fuse. */
#define GW_LINK_QUEUE_MAX (4u << 20)

/* Descriptors that may wait likewise: they are fewer than bytes. */
#define GW_LINK_FDS_MAX 256

/* Messages handled in one turn of the loop before others have theirs. */
#define GW_LINK_BURST 32

struct gw_link_ops {
	/*
	 * A message came. `fd` is -1, or the descriptor that came with it: it belongs to the link and is
	 * closed after the call, dup() or TAKE_FD(*fd) to keep it. An error (-errno) closes the link.
	 * Whoever wants the link gone from in here breaks it; gw_link_free() is for later.
	 */
	int (*message)(struct gw_link *link, const struct gw_msg *msg, int *fd, void *userdata);

	/* The link is broken or was closed by an error; `why` is for people. Called once, never from
	 * within gw_link_send(); the owner calls gw_link_free() in it or later. */
	void (*closed)(struct gw_link *link, const char *why, void *userdata);
};

/* Starts a link on a connected SOCK_SEQPACKET socket; the fd is the link's from here on, even if the
 * call fails. */
int gw_link_new(struct sd_event *event, int fd, const struct gw_link_ops *ops, void *userdata,
		struct gw_link **ret);

/* Ends it without a call of closed(). NULL is fine. Returns NULL. */
struct gw_link *gw_link_free(struct gw_link *link);

/* Queues a message; fd (-1: none) is borrowed and duplicated. Encoding errors (our bug or a field
 * above its limit) are returned; a broken link swallows the message and reports by closed(). Where there is
 * no memory or descriptor left for it the link breaks, since the peer would wait for what was lost: both
 * ends know how to begin anew. */
int gw_link_send(struct gw_link *link, const struct gw_msg *msg, int fd);

/*
 * From now on messages wait until gw_link_release() lets all that wait go, or gw_link_discard() takes
 * those back that came since the last release. That is how the agent says nothing before it is on disk.
 */
void gw_link_hold(struct gw_link *link);
void gw_link_release(struct gw_link *link);
void gw_link_discard(struct gw_link *link);

/* Breaks the link: closed() is called from the loop with this reason. */
void gw_link_break(struct gw_link *link, const char *why);

/*
 * How many descriptors came by this link that we must keep until we end: close() may wait for whoever serves
 * the file (FUSE), as long as that one likes. Neither sockets nor memory are among them.
 */
unsigned gw_link_n_kept(const struct gw_link *link);

/* What counts against GW_LINK_QUEUE_MAX at present. */
size_t gw_link_queued(const struct gw_link *link);
