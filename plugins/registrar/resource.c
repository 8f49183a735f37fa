/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of everything a device can ask, and how a path finds its line in it. EST
 * paths may carry a label; each device has one CA, its tenant's, so a label chooses nothing.
 */
#include "plugins/registrar/resource.h"

#include <errno.h>
#include <string.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "plugins/registrar/directory.h"
#include "plugins/registrar/est.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/report.h"
#include "plugins/registrar/settings.h"

#define PREFIX     ".well-known/"
#define EST_PREFIX "est/"
#define LABEL_MAX  64

/* clang-format off */
static const struct resource resources[] = {
	{ .path = "core", .method = GW_COAP_GET, .who = RESOURCE_BY_ANYBODY,
	  .gives = { GW_COAP_FORMAT_LINK }, .n_gives = 1, .begin = directory_get },

	{ .path = "est/crts", .method = GW_COAP_GET, .who = RESOURCE_BY_ANYBODY,
	  .gives = { GW_COAP_FORMAT_PKCS7_CERTS, GW_COAP_FORMAT_PKIX_CERT }, .n_gives = 2,
	  .type = "ace.est.crts", .begin = est_anchors },

	{ .path = "est/att", .method = GW_COAP_GET, .who = RESOURCE_BY_ANYBODY,
	  .gives = { GW_COAP_FORMAT_CSRATTRS }, .n_gives = 1,
	  .type = "ace.est.att", .begin = est_attributes },

	{ .path = "est/sen", .method = GW_COAP_POST, .who = RESOURCE_BY_ANYBODY,
	  .takes = GW_COAP_FORMAT_PKCS10, .body_max = GW_CSR_MAX,
	  .gives = { GW_COAP_FORMAT_PKCS7_CERTS, GW_COAP_FORMAT_PKIX_CERT }, .n_gives = 2,
	  .type = "ace.est.sen", .needs_cloud = true, .begin = est_enroll,
	  .answer = GW_MSG_ENROLLED, .finish = est_enrolled },

	/* Renewal is asked for with the certificate that is renewed. */
	{ .path = "est/sren", .method = GW_COAP_POST,
	  .who = RESOURCE_BY_CERTIFICATE,
	  .takes = GW_COAP_FORMAT_PKCS10, .body_max = GW_CSR_MAX,
	  .gives = { GW_COAP_FORMAT_PKCS7_CERTS, GW_COAP_FORMAT_PKIX_CERT }, .n_gives = 2,
	  .type = "ace.est.sren", .needs_cloud = true, .begin = est_renew,
	  .answer = GW_MSG_ENROLLED, .finish = est_enrolled },

	/* A failure is reported on the session where it happened, success on a new one. */
	{ .path = "brski/es", .method = GW_COAP_POST, .who = RESOURCE_BY_ANYBODY,
	  .takes = GW_COAP_FORMAT_JSON, .body_max = REPORT_MAX,
	  .type = "brski.es", .begin = report_begin,
	  .answer = GW_MSG_REPORTED, .finish = report_finish },

	{ .path = "gangway/config", .method = GW_COAP_GET,
	  .who = RESOURCE_BY_CERTIFICATE | RESOURCE_BY_LEAVER,
	  .gives = { GW_COAP_FORMAT_JSON }, .n_gives = 1,
	  .type = "gangway.config", .begin = settings_begin,
	  .answer = GW_MSG_SETTINGS, .finish = settings_finish },

	{ .path = "gangway/wiped", .method = GW_COAP_POST, .who = RESOURCE_BY_LEAVER,
	  .begin = settings_wiped,
	  .answer = GW_MSG_REPORTED, .finish = report_finish },
};
/* clang-format on */

/* --- finding --- */

/* Writes the segments with '/' between; -EINVAL: too long, or one that could pass for two. */
static int join(const struct gw_blob *segments, size_t n_segments, char path[RESOURCE_PATH_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < n_segments; i++) {
		struct gw_blob s = segments[i];

		if (s.len == 0 || len + s.len + 2 > RESOURCE_PATH_MAX ||
		    memchr(s.data, '/', s.len) || memchr(s.data, 0, s.len))
			return -EINVAL;
		if (i > 0)
			path[len++] = '/';
		memcpy(path + len, s.data, s.len);
		len += s.len;
	}

	path[len] = 0;
	return 0;
}

/* Takes the label (RFC 7030 3.2.2) out of "est/LABEL/OPERATION", in place. */
static void drop_label(char *path)
{
	char *label = path + strlen(EST_PREFIX), *operation;

	if (strncmp(path, EST_PREFIX, strlen(EST_PREFIX)) != 0)
		return;
	operation = strchr(label, '/');
	if (operation && operation - label <= LABEL_MAX)
		memmove(label, operation + 1, strlen(operation + 1) + 1);
}

const struct resource *resource_find(const struct gw_blob *segments, size_t n_segments)
{
	char buf[RESOURCE_PATH_MAX], *path = buf + strlen(PREFIX);

	if (join(segments, n_segments, buf) < 0 || strncmp(buf, PREFIX, strlen(PREFIX)) != 0)
		return NULL;

	drop_label(path);
	for (size_t i = 0; i < GW_ELEMENTS(resources); i++)
		if (gw_streq(resources[i].path, path))
			return &resources[i];
	return NULL;
}

bool resource_gives(const struct resource *resource, int accept, int *ret_format)
{
	if (resource->n_gives == 0 || accept < 0) {
		*ret_format = resource->n_gives ? resource->gives[0] : REPLY_NO_FORMAT;
		return true;
	}

	for (size_t i = 0; i < resource->n_gives; i++) {
		if (resource->gives[i] == accept) {
			*ret_format = accept;
			return true;
		}
	}
	return false;
}

const struct resource *resource_at(size_t i)
{
	return i < GW_ELEMENTS(resources) ? &resources[i] : NULL;
}
