/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /.well-known/core: the table of resources as a list of links (RFC 6690), of which a query by
 * resource type picks some (RFC 9148 5.1). Other queries are not filters we know: they get the whole.
 */
#include "plugins/registrar/directory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/resource.h"

#define LIST_MAX   1024 /* bytes; the table is ours, and its test holds it to this */
#define QUERY_TYPE "rt="

struct list {
	char text[LIST_MAX];
	size_t len;
};

GW_PRINTF(2, 3) static void list_add(struct list *list, const char *format, ...)
{
	size_t room = sizeof(list->text) - list->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(list->text + list->len, room, format, args);
	va_end(args);
	list->len += GW_MIN((size_t)n, room - 1);
}

static void list_resource(struct list *list, const struct resource *resource)
{
	const int *formats = resource->n_gives ? resource->gives : &resource->takes;
	size_t n = GW_MAX(resource->n_gives, (size_t)1);

	list_add(list, "%s<%s%s>;rt=\"%s\";ct=", list->len ? "," : "", "/.well-known/",
		 resource->path, resource->type);
	if (n == 1)
		list_add(list, "%d", formats[0]);
	else
		list_add(list, "\"%d %d\"", formats[0], formats[1]);
}

/* Whether the resource is one that a query asks for: "rt=ace.est.sen", "rt=ace.est*"; other queries
 * ask for all. */
static bool is_wanted(const struct resource *resource, struct gw_blob query)
{
	struct gw_blob type = { (const uint8_t *)resource->type, strlen(resource->type) };
	size_t prefix = strlen(QUERY_TYPE);
	struct gw_blob wanted;

	if (query.len < prefix || memcmp(query.data, QUERY_TYPE, prefix) != 0)
		return true;

	wanted = (struct gw_blob){ query.data + prefix, query.len - prefix };
	if (wanted.len > 0 && wanted.data[wanted.len - 1] == '*') {
		wanted.len--;
		type.len = GW_MIN(type.len, wanted.len);
	}
	return gw_blob_equal(type, wanted);
}

int directory_get(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg)
{
	const struct resource *resource;
	struct list list = { .len = 0 };

	for (size_t i = 0; (resource = resource_at(i)); i++)
		if (resource->type && is_wanted(resource, call->query))
			list_resource(&list, resource);

	return reply_copy(reply, GW_COAP_CONTENT, GW_COAP_FORMAT_LINK,
			  (struct gw_blob){ (const uint8_t *)list.text, list.len });
}
