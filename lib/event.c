/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of event.h by number. */
#include "lib/event.h"

static const struct gw_event_info events[_GW_EVENT_MAX] = { [GW_EVENT_NONE] = { "", "", 0 },
#define X(NAME, name, id, most) [GW_EVENT_##NAME] = { name, id, most },
							    GW_EVENTS(X)
#undef X
};

const struct gw_event_info *gw_event_info(enum gw_event event)
{
	return &events[event];
}
