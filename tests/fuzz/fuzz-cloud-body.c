/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a gateway may send the cloud: the first byte chooses the topic. A request that is taken fits its
 * limits and says the same when it is put into words again; what is refused is told why.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/blob.h"
#include "lib/util.h"
#include "tools/cloud/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void set(json_t *body, const char *member, const char *text)
{
	if (*text)
		expect(json_object_set_new(body, member, json_string(text)) == 0);
}

static char *write_request(const struct request *request)
{
	char csr[GW_BASE64_LEN(BODY_CSR_MAX) + 1];
	json_t *body = json_pack("{s:i}", "v", 1);
	char *text;

	gw_base64_encode(request->csr.data, request->csr.len, csr);
	set(body, "kind", body_request_name(request->kind));
	set(body, "id", request->id);
	set(body, "device", request->device);
	set(body, "tenant", request->tenant);
	set(body, "claim", request->claim);
	set(body, "of", request->of);
	set(body, "reason", request->reason);
	set(body, "key", request->key);
	set(body, "serial", request->serial);
	set(body, "csr", csr);
	if (request->kind == REQUEST_ENROLL)
		set(body, "method", "qr");
	text = json_dumps(body, 0);
	json_decref(body);
	return text;
}

static void check_request(const struct request *request)
{
	char *text = write_request(request);
	struct body_error error;
	struct request again;

	expect(gw_device_id_is_valid(request->id));
	expect(body_read_request((struct gw_blob){ (uint8_t *)text, strlen(text) }, &again,
				 &error) == 0);
	expect(memcmp(&again, request, sizeof(again)) == 0);
	free(text);
}

static char *write_events(const struct events *events)
{
	json_t *body = json_pack("{s:i, s:s, s:I}", "v", 1, "kind", "events", "first",
				 (json_int_t)events->first);
	json_t *list = json_array();
	char *text;

	set(body, "id", events->id);
	set(body, "before", events->before);
	set(body, "broken", events->broken);
	for (size_t i = 0; i < events->n_events; i++) {
		const struct event *event = &events->events[i];
		json_t *one = json_pack("{s:I, s:I}", "n", (json_int_t)event->n, "time",
					(json_int_t)event->time);

		set(one, "event", event->event);
		set(one, "device", event->device);
		set(one, "who", event->who);
		set(one, "reason", event->reason);
		set(one, "detail", event->detail);
		set(one, "mac", event->mac);
		expect(json_array_append_new(list, one) == 0);
	}
	expect(json_object_set_new(body, "events", list) == 0);
	text = json_dumps(body, 0);
	json_decref(body);
	return text;
}

static void check_events(const struct events *events)
{
	static struct events again;
	char *text = write_events(events);
	struct body_error error;

	expect(!events->n_events || events->events[0].n == events->first);
	if (strlen(text) <= BODY_MAX) {
		expect(body_read_events((struct gw_blob){ (uint8_t *)text, strlen(text) }, &again,
					&error) == 0);
		expect(memcmp(&again, events, sizeof(again)) == 0);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct events events;
	static struct request request;
	struct body_error error = { 0 };
	struct answer answer;
	struct status status;
	struct gw_blob text;
	int r;

	if (size < 1)
		return 0;

	text = (struct gw_blob){ data + 1, size - 1 };
	switch (data[0]) {
	case 'a':
		r = body_read_answer(text, &answer, &error);
		expect(r < 0 || answer.done == !*answer.reason);
		break;
	case 's': r = body_read_status(text, &status, &error); break;
	case 'e':
		r = body_read_events(text, &events, &error);
		if (r == 0)
			check_events(&events);
		break;
	default:
		r = body_read_request(text, &request, &error);
		if (r == 0)
			check_request(&request);
		break;
	}
	expect(r == 0 || (r == -EBADMSG && error.member && error.why));
	return 0;
}
