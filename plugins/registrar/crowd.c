/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each peer has a seat here: its entry in the table, its place in one of two lines (handshakes, and
 * sessions by when they were last heard of), its timer. Whatever is done to a peer, its seat is
 * settled afterwards: moved to the line it belongs to by now, timed anew, or freed.
 */
#include "plugins/registrar/crowd.h"

#include <errno.h>
#include <systemd/sd-event.h>

#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/util.h"
#include "plugins/registrar/lineup.h"
#include "plugins/registrar/peer.h"
#include "plugins/registrar/peers.h"

#define ACCURACY_US 10000

struct seat {
	struct peers_entry entry;
	struct lineup_item place;
	struct lineup *line; /* that `place` is in, or NULL */
	sd_event_source *timer;
	struct peer *peer;
	struct crowd *crowd;
};

struct crowd {
	sd_event *event;
	const struct peer_shared *shared;
	struct peers peers;
	struct lineup handshakes, sessions;
	uint64_t last_session;
};

#define SEAT_OF(pointer, member) ((struct seat *)((char *)(pointer)-offsetof(struct seat, member)))

static struct seat *seat_of_entry(struct peers_entry *entry)
{
	return entry ? SEAT_OF(entry, entry) : NULL;
}

static struct seat *seat_of_place(struct lineup_item *place)
{
	return place ? SEAT_OF(place, place) : NULL;
}

static struct seat *seat_free(struct seat *seat)
{
	if (!seat)
		return NULL;

	sd_event_source_disable_unref(seat->timer);
	peer_free(seat->peer);
	free(seat);
	return NULL;
}

GW_DEFINE_CLEANUP(struct seat *, seat_free)

/* --- settling --- */

static void leave(struct seat *seat)
{
	lineup_remove(seat->line, &seat->place);
	peers_remove(&seat->crowd->peers, &seat->entry);
	seat_free(seat);
}

/* Ends a peer for our reason and frees it, with nothing in between. */
static void send_away(struct seat *seat, enum gw_reason reason)
{
	peer_end(seat->peer, reason);
	leave(seat);
}

static void make_room(struct lineup *line, const struct path *path)
{
	struct seat *oldest = seat_of_place(lineup_excess(line, path));

	if (oldest)
		send_away(oldest, GW_REASON_EVICTED);
}

/* Into a line, where somebody may have to make room for it. */
static int line_up(struct seat *seat, struct lineup *line)
{
	const struct path *path = peer_path(seat->peer);

	if (seat->line)
		lineup_remove(seat->line, &seat->place);
	seat->line = line;
	make_room(line, path);
	return lineup_add(line, &seat->place, path);
}

static void set_timer(struct seat *seat)
{
	uint64_t due_us = peer_due(seat->peer);

	(void)sd_event_source_set_time(seat->timer, due_us);
	(void)sd_event_source_set_enabled(seat->timer,
					  due_us == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* Sessions by when they were last heard of; handshakes by age alone: talking buys them no time. */
static void keep_place(struct seat *seat, bool was_heard)
{
	bool busy = peer_is_busy(seat->peer);

	if ((was_heard && seat->line == &seat->crowd->sessions) || busy != seat->place.busy)
		lineup_touch(&seat->place, busy);
}

static void settle(struct seat *seat)
{
	struct lineup *sessions = &seat->crowd->sessions;

	if (peer_state(seat->peer) == PEER_SERVED && seat->line != sessions &&
	    line_up(seat, sessions) < 0)
		peer_end(seat->peer, GW_REASON_LIMIT);
	if (peer_state(seat->peer) == PEER_OVER) {
		leave(seat);
		return;
	}
	keep_place(seat, /* was_heard= */ true);
	set_timer(seat);
}

static int on_timer(sd_event_source *source, uint64_t due_us, void *userdata)
{
	struct seat *seat = userdata;

	peer_tick(seat->peer, gw_now_monotonic_us());
	if (peer_state(seat->peer) == PEER_OVER) {
		leave(seat);
		return 0;
	}
	keep_place(seat, /* was_heard= */ false);
	set_timer(seat);
	return 0;
}

/* --- datagrams --- */

bool crowd_knows(const struct crowd *c, const struct path *path, struct front_known *ret)
{
	struct seat *seat = seat_of_entry(peers_find_path(&c->peers, path));

	if (seat)
		peer_describe(seat->peer, ret);
	return seat;
}

void crowd_receive(struct crowd *c, const struct path *path, struct gw_blob datagram)
{
	struct seat *seat = seat_of_entry(peers_find_path(&c->peers, path));

	peer_receive(seat->peer, datagram, gw_now_monotonic_us());
	settle(seat);
}

void crowd_hold_back(struct crowd *c, const struct path *path)
{
	struct seat *seat = seat_of_entry(peers_find_path(&c->peers, path));

	peer_hold_back(seat->peer, gw_now_monotonic_us());
	set_timer(seat);
}

static int seat_new(struct crowd *c, struct channel *channel, const struct path *path,
		    struct WOLFSSL_CTX *context, const struct front_result *admission,
		    uint64_t now_us, struct seat **ret)
{
	_cleanup_(seat_freep) struct seat *seat = calloc(1, sizeof(*seat));
	int r;

	if (!seat)
		return -ENOMEM;

	seat->crowd = c;
	r = peer_new(c->shared, channel, path, ++c->last_session, context, admission, now_us,
		     &seat->peer);
	if (r < 0)
		return r;
	r = sd_event_add_time(c->event, &seat->timer, CLOCK_MONOTONIC, UINT64_MAX, ACCURACY_US,
			      on_timer, seat);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(seat);
	return 0;
}

int crowd_admit(struct crowd *c, struct channel *channel, const struct path *path,
		struct WOLFSSL_CTX *context, const struct front_result *admission,
		struct gw_blob datagram)
{
	struct seat *before = seat_of_entry(peers_find_path(&c->peers, path)), *seat;
	uint64_t now_us = gw_now_monotonic_us();
	int r;

	if (before)
		send_away(before, GW_REASON_RESTARTED);
	r = seat_new(c, channel, path, context, admission, now_us, &seat);
	if (r < 0)
		return r;

	peers_add(&c->peers, &seat->entry, peer_path(seat->peer), peer_session(seat->peer));
	r = line_up(seat, &c->handshakes);
	if (r < 0) {
		leave(seat);
		return r;
	}
	peer_receive(seat->peer, datagram, now_us);
	settle(seat);
	return 0;
}

/* --- the agent --- */

void crowd_take(struct crowd *c, uint64_t session, const struct gw_msg *msg)
{
	struct seat *seat = seat_of_entry(peers_find_session(&c->peers, session));

	if (!seat)
		return;
	peer_take(seat->peer, msg, gw_now_monotonic_us());
	settle(seat);
}

void crowd_end_channel(struct crowd *c, const struct channel *channel)
{
	struct peers_cursor cursor = { 0 };
	struct seat *seat;

	while ((seat = seat_of_entry(peers_next(&c->peers, &cursor))))
		if (peer_channel(seat->peer) == channel)
			send_away(seat, GW_REASON_CHANNEL_GONE);
}

void crowd_stop(struct crowd *c)
{
	struct peers_cursor cursor = { 0 };
	struct seat *seat;

	while ((seat = seat_of_entry(peers_next(&c->peers, &cursor)))) {
		peer_stop(seat->peer);
		leave(seat);
	}
}

/* --- life --- */

int crowd_new(sd_event *event, const struct peer_shared *shared, struct crowd **ret)
{
	struct crowd *c;
	uint64_t seed;
	int r = gw_random((uint8_t *)&seed, sizeof(seed));

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;

	c->event = event;
	c->shared = shared;
	c->peers.seed = c->handshakes.seed = c->sessions.seed = seed;
	*ret = c;
	return 0;
}

struct crowd *crowd_free(struct crowd *c)
{
	if (!c)
		return NULL;

	crowd_stop(c);
	free(c);
	return NULL;
}

/* Lower limits take effect as newcomers come. */
void crowd_set_limits(struct crowd *c, const struct crowd_limits *limits)
{
	c->handshakes.max = limits->handshakes_max;
	c->handshakes.max_per_source = limits->handshakes_per_source;
	c->sessions.max = limits->sessions_max;
	c->sessions.max_per_source = limits->sessions_per_source;
}
