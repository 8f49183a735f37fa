/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DER goes to the agent as it is; PEM is unfolded here, since to tell one from the other is a matter of files. What is
 * wrong with a list the agent says itself.
 */
#include "tools/ctl/crl-file.h"

#include <ctype.h>
#include <stdio.h>

#include "lib/base64.h"
#include "lib/blob.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/file.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

#define BEGIN    "-----BEGIN X509 CRL-----"
#define END      "-----END X509 CRL-----"
#define FILE_MAX (GW_CRL_MAX / 3 * 4 + GW_CRL_MAX / 16 + 4096) /* as PEM, with line ends */

/* --- the file --- */

static int fail_large(const char *path)
{
	return ctl_fail("%s: larger than any list that a gateway takes: 1.25 MiB in DER", path);
}

/* Takes the next list of a PEM file off *text, in place. False: there is none, or it is no base64. */
static bool unfold(char **text, struct gw_blob *ret)
{
	char *begin = strstr(*text, BEGIN), *end = begin ? strstr(begin, END) : NULL;
	size_t n = 0, len;

	if (!end)
		return false;
	for (const char *c = begin + strlen(BEGIN); c < end; c++)
		if (!isspace((unsigned char)*c))
			begin[n++] = *c; /* never beyond c */
	*text = end + strlen(END);
	if (gw_base64_decode(begin, n, (uint8_t *)begin, n, &len) < 0)
		return false;
	*ret = (struct gw_blob){ (const uint8_t *)begin, len };
	return true;
}

static bool is_der(const char *data, size_t len)
{
	return len > 0 && data[0] == 0x30;
}

/* --- the answer --- */

struct facts {
	const char *issuer, *number;
	uint64_t this_update, next_update;
	uint32_t n_certificates, n_devices;
};

static int read_facts(sd_bus_message *reply, struct facts *ret)
{
	return sd_bus_message_read(reply, "ssttuu", &ret->issuer, &ret->number, &ret->this_update,
				   &ret->next_update, &ret->n_certificates, &ret->n_devices);
}

static void print_for_people(const struct facts *facts)
{
	char from[WHEN_LEN], to[WHEN_LEN];

	when_format(facts->this_update, from);
	when_format(facts->next_update, to);
	(void)printf("%s: list %s of %s, good until %s, %u %s; %u %s revoked\n", facts->issuer,
		     facts->number, from, to, facts->n_certificates,
		     facts->n_certificates == 1 ? "certificate" : "certificates", facts->n_devices,
		     facts->n_devices == 1 ? "device" : "devices");
}

static int print_facts(const struct ctl *ctl, const struct facts *facts)
{
	json_auto_t *json =
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "issuer", facts->issuer, "number",
			  facts->number, "this_update", (json_int_t)facts->this_update,
			  "next_update", (json_int_t)facts->next_update, "certificates",
			  (json_int_t)facts->n_certificates, "devices",
			  (json_int_t)facts->n_devices);

	if (ctl->json)
		values_print(json, stdout);
	else
		print_for_people(facts);
	return CTL_DONE;
}

static int load(struct ctl *ctl, const char *path, struct gw_blob der)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	struct facts facts;
	int r;

	if (der.len > GW_CRL_MAX)
		return fail_large(path);
	r = bus_new_call(ctl, "LoadRevocationList", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append_array(call, 'y', der.data, der.len);
	if (r < 0)
		return bus_fail(r);
	r = bus_call(ctl, call, "revocation list", &reply);
	if (r != CTL_DONE)
		return r;
	r = read_facts(reply, &facts);
	return r < 0 ? bus_fail(r) : print_facts(ctl, &facts);
}

static int load_all(struct ctl *ctl, const char *path, char *data, size_t len)
{
	struct gw_blob der = { (const uint8_t *)data, len };
	int r = CTL_DONE;

	if (is_der(data, len))
		return load(ctl, path, der);
	if (!unfold(&data, &der))
		return ctl_fail("%s: is no revocation list, neither in DER nor in PEM (" BEGIN ")",
				path);
	do
		r = load(ctl, path, der);
	while (r == CTL_DONE && unfold(&data, &der));
	return r;
}

int crl_file_load(struct ctl *ctl, const char *path)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t len = 0;
	int r = file_read(path, FILE_MAX, &data, &len);

	if (r == -EFBIG)
		return fail_large(path);
	if (r < 0)
		return ctl_fail("cannot read %s: %s", path, strerror(-r));
	return load_all(ctl, path, (char *)data, len);
}
