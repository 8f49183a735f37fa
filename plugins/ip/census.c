/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Joins the table of neighbours, the book of vendors and a timer: what changed is sent in batches with
 * a pause between them. Ten thousand devices that come at once, or a network that flaps, take a while
 * to be shown, and never fill the link that devices' own messages wait behind.
 *
 * While many come and go the kernel may leave some out of a dump, and say nothing of it. So a dump that corrects
 * us is followed by another one, until one finds nothing to correct.
 */
#include "plugins/ip/census.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "lib/plugin.h"
#include "lib/util.h"
#include "plugins/ip/neighbour.h"
#include "plugins/ip/netlink.h"
#include "plugins/ip/vendor.h"

#define PAUSE_US   100000 /* between batches .. */
#define BATCH_SIZE 100    /* .. of this many */

struct census {
	struct gw_plugin *plugin;
	struct neighbours *neighbours;
	struct vendor_book *vendors;
	sd_event_source *timer;
	size_t n_corrected; /* by the dump that is under way */
};

static void format_mac(const struct neighbour *neighbour, char *text, size_t size)
{
	size_t len = 0;

	text[0] = 0;
	for (size_t i = 0; i < neighbour->mac_len && len + 4 <= size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%02x", i ? ":" : "",
					neighbour->mac[i]);
}

static void tell(struct census *census, const struct neighbour *neighbour)
{
	char address[INET6_ADDRSTRLEN], mac[GW_ADDRESS_MAX], vendor[GW_TEXT_MAX];
	struct gw_msg msg = { .type = GW_MSG_NEIGHBOUR,
			      .neighbour = { .present = neighbour->present,
					     .address = address,
					     .link_address = mac,
					     .interface = neighbour->interface,
					     .vendor = vendor } };

	if (!inet_ntop(neighbour->family, neighbour->address, address, sizeof(address)))
		return;
	format_mac(neighbour, mac, sizeof(mac));
	vendor_find(census->vendors, neighbour->mac, neighbour->mac_len, vendor, sizeof(vendor));
	(void)gw_plugin_send(census->plugin, &msg, /* fd= */ -1);
}

static void tell_later(struct census *census)
{
	int enabled = SD_EVENT_OFF;

	(void)sd_event_source_get_enabled(census->timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;

	(void)sd_event_source_set_time_relative(census->timer, PAUSE_US);
	(void)sd_event_source_set_enabled(census->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct census *census = userdata;
	struct neighbour neighbour;

	for (unsigned i = 0; i < BATCH_SIZE; i++) {
		if (!neighbours_next(census->neighbours, &neighbour))
			return 0;
		tell(census, &neighbour);
	}
	tell_later(census);
	return 0;
}

void census_clear(struct census *census)
{
	neighbours_clear(census->neighbours);
}

void census_see(struct census *census, const char *interface, const struct netlink_neighbour *seen)
{
	struct neighbour neighbour = { .family = seen->family,
				       .present = seen->present,
				       .mac_len = seen->mac_len };
	int r;

	(void)gw_copy(neighbour.interface, sizeof(neighbour.interface), interface);
	(void)memcpy(neighbour.address, seen->address, sizeof(neighbour.address));
	(void)memcpy(neighbour.mac, seen->mac, sizeof(neighbour.mac));
	r = neighbours_see(census->neighbours, &neighbour);
	if (r <= 0) /* as it was; or there is no room to show it */
		return;
	census->n_corrected += seen->is_dumped;
	tell_later(census);
}

void census_drop(struct census *census, const char *interface)
{
	neighbours_drop(census->neighbours, interface);
	tell_later(census);
}

void census_begin(struct census *census)
{
	neighbours_begin(census->neighbours);
	census->n_corrected = 0;
}

bool census_end(struct census *census, bool complete)
{
	if (!complete)
		return true;

	census->n_corrected += neighbours_end(census->neighbours);
	if (census->n_corrected)
		tell_later(census);
	return census->n_corrected > 0;
}

struct census *census_free(struct census *census)
{
	if (!census)
		return NULL;

	sd_event_source_disable_unref(census->timer);
	neighbours_free(census->neighbours);
	vendor_book_free(census->vendors);
	free(census);
	return NULL;
}

GW_DEFINE_CLEANUP(struct census *, census_free)

int census_new(struct gw_plugin *plugin, sd_event *event, struct census **ret)
{
	_cleanup_(census_freep) struct census *census = calloc(1, sizeof(*census));
	int r;

	if (!census)
		return -ENOMEM;

	census->plugin = plugin;
	census->neighbours = neighbours_new();
	census->vendors = vendor_book_new(/* path= */ NULL);
	if (!census->neighbours || !census->vendors)
		return -ENOMEM;

	r = sd_event_add_time_relative(event, &census->timer, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ PAUSE_US / 10, on_timer, census);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(census);
	return 0;
}
