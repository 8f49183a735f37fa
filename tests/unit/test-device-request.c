/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block-wise transfer against a gateway that is played here: it takes an upload in whatever blocks it
 * likes, hands out a download in blocks of its own size, and can go wrong in one way at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"
#include "tools/device/request.h"

#define BODY_MAX (RESPONSE_BODY_MAX + 1024)

static struct {
	/* how it behaves */
	uint16_t upload_size, download_size; /* of a block */
	size_t answer_len;
	uint8_t code;       /* of the last answer, or of all if it is an error */
	bool answers_whole; /* without Block2 */

	/* how it goes wrong, at which exchange */
	enum {
		FAULT_NONE,
		FAULT_ETAG,        /* the answer is another one, once */
		FAULT_ETAG_ALWAYS, /* each time it is asked for */
		FAULT_CODE,
		FAULT_PLACE,        /* a block that was not asked for */
		FAULT_SHORT,        /* less than a block though more follows */
		FAULT_BLOCK2,       /* no readable option */
		FAULT_CONFIRMATION, /* of a block that was not sent */
		FAULT_NO_BLOCK1,    /* confirmed without saying what */
		FAULT_TIMEOUT,
	} fault;
	size_t fault_at;

	/* what it saw */
	size_t n_exchanges, n_uploads;
	uint8_t body[BODY_MAX];
	size_t body_len;
	uint32_t size1;
	uint8_t etag;
	uint8_t scratch[8][4];
} gateway;

static uint8_t answer_bytes[BODY_MAX];
static struct failure failure;

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

/* --- the gateway --- */

static bool faulty(int fault)
{
	return (int)gateway.fault == fault && gateway.n_exchanges == gateway.fault_at;
}

static void check_common(const struct gw_coap *request)
{
	uint32_t accept;

	assert_int_equal(request->options[0].number, GW_COAP_URI_PATH);
	assert_int_equal(request->options[0].value.len, 4);
	assert_memory_equal(request->options[0].value.data, "here", 4);
	assert_memory_equal(request->options[1].value.data, "x", 1);
	assert_int_equal(gw_coap_find_uint(request, GW_COAP_ACCEPT, &accept), 0);
	assert_int_equal(accept, 281);
}

static void add_uint(struct gw_coap *msg, uint16_t number, uint32_t value, size_t scratch)
{
	assert_int_equal(gw_coap_add_uint(msg, number, value, gateway.scratch[scratch]), 0);
}

static void add_block(struct gw_coap *msg, uint16_t number, struct gw_coap_block block,
		      size_t scratch)
{
	add_uint(msg, number, gw_coap_block_value(&block), scratch);
}

/* The part of the answer that begins there, with what describes it. */
static void give(struct gw_coap *response, size_t offset, uint16_t size)
{
	size_t len = GW_MIN(gateway.answer_len - offset, (size_t)size);
	struct gw_coap_block block = { .number = (uint32_t)(offset / size),
				       .more = offset + len < gateway.answer_len,
				       .size = size };

	if (faulty(FAULT_PLACE))
		block.number++;
	response->code = faulty(FAULT_CODE) ? GW_COAP_NOT_FOUND : gateway.code;
	response->payload =
		(struct gw_blob){ answer_bytes + offset, faulty(FAULT_SHORT) ? len - 1 : len };
	add_uint(response, GW_COAP_CONTENT_FORMAT, 281, 0);
	add_uint(response, GW_COAP_MAX_AGE, 77, 1);
	if (!gateway.answers_whole && !faulty(FAULT_BLOCK2))
		add_block(response, GW_COAP_BLOCK2, block, 2);
	if (faulty(FAULT_BLOCK2))
		add_uint(response, GW_COAP_BLOCK2, 7, 2);
	if (faulty(FAULT_ETAG) || gateway.fault == FAULT_ETAG_ALWAYS)
		gateway.etag++;
	assert_int_equal(gw_coap_add(response, GW_COAP_ETAG, (struct gw_blob){ &gateway.etag, 1 }),
			 0);
}

/* Keeps a block of the upload; true when it is whole. */
static bool take(const struct gw_coap *request, struct gw_coap *response)
{
	struct gw_coap_block block;
	uint32_t format;

	assert_int_equal(gw_coap_find_uint(request, GW_COAP_CONTENT_FORMAT, &format), 0);
	assert_int_equal(format, 286);
	if (gw_coap_find_block(request, GW_COAP_BLOCK1, &block) < 0) {
		gateway.body_len = 0;
		block = (struct gw_coap_block){ .size = 1024 };
	}
	if (block.number == 0) {
		gateway.body_len = 0;
		gateway.n_uploads++;
		(void)gw_coap_find_uint(request, GW_COAP_SIZE1, &gateway.size1);
	} else
		assert_null(gw_coap_find(request, GW_COAP_SIZE1));
	assert_int_equal((size_t)block.number * block.size, gateway.body_len);
	assert_true(!block.more || request->payload.len == block.size);
	assert_true(block.number == 0 || block.size <= gateway.upload_size);
	memcpy(gateway.body + gateway.body_len, request->payload.data, request->payload.len);
	gateway.body_len += request->payload.len;
	if (!block.more)
		return true;

	block.number += faulty(FAULT_CONFIRMATION);
	block.size = GW_MIN(block.size, gateway.upload_size);
	response->code = GW_COAP_CONTINUE;
	if (!faulty(FAULT_NO_BLOCK1))
		add_block(response, GW_COAP_BLOCK1, block, 3);
	return false;
}

int exchange_run(struct exchanges *x, struct gw_coap *request, struct gw_coap *ret_response)
{
	struct gw_coap_block wanted = { .size = gateway.download_size };

	*ret_response = (struct gw_coap){ .type = GW_COAP_ACK };
	check_common(request);
	gateway.n_exchanges++;
	if (faulty(FAULT_TIMEOUT))
		return -ETIMEDOUT;

	if (gw_coap_find_block(request, GW_COAP_BLOCK2, &wanted) == 0) {
		assert_null(gw_coap_find(request, GW_COAP_CONTENT_FORMAT));
		assert_int_equal(request->payload.len, 0);
		give(ret_response, (size_t)wanted.number * wanted.size, wanted.size);
		return 0;
	}
	assert_true(request->code == GW_COAP_POST ||
		    !gw_coap_find(request, GW_COAP_CONTENT_FORMAT));
	if (request->code == GW_COAP_GET || gateway.code >= GW_COAP_CODE(4, 0) ||
	    take(request, ret_response))
		give(ret_response, 0,
		     gateway.answers_whole ? 1024 : GW_MIN(wanted.size, gateway.download_size));
	return 0;
}

/* --- the device --- */

static void set_up(uint16_t upload_size, uint16_t download_size, size_t answer_len)
{
	memset(&gateway, 0, sizeof(gateway));
	gateway.upload_size = upload_size;
	gateway.download_size = download_size;
	gateway.answer_len = answer_len;
	gateway.code = GW_COAP_CHANGED;
	for (size_t i = 0; i < BODY_MAX; i++)
		answer_bytes[i] = pattern(i);
}

static int run(uint8_t code, size_t body_len, struct response *ret)
{
	static uint8_t body[REQUEST_BODY_MAX];
	struct exchanges x = { .failure = &failure };
	struct request request = {
		.code = code, .path = "/here/x", .accept = 281, .format = REQUEST_NO_FORMAT
	};

	if (code == GW_COAP_POST) {
		for (size_t i = 0; i < body_len; i++)
			body[i] = (uint8_t)~pattern(i);
		request.format = 286;
		request.body = (struct gw_blob){ body, body_len };
	}
	return request_run(&x, &request, ret);
}

static void assert_whole(struct response *response)
{
	assert_int_equal(response->code, gateway.code);
	assert_int_equal(response->format, 281);
	assert_true(response->has_max_age);
	assert_int_equal(response->max_age_s, 77);
	assert_int_equal(response->len, gateway.answer_len);
	for (size_t i = 0; i < response->len; i++)
		assert_int_equal(response->body[i], pattern(i));
	response_done(response);
}

static void test_download(void **state)
{
	static const size_t lens[] = { 0, 1, 15, 16, 17, 1023, 1024, 1025, 2048, 3000 };

	for (uint16_t size = 16; size <= 1024; size = (uint16_t)(size * 2))
		for (size_t i = 0; i < GW_ELEMENTS(lens); i++) {
			struct response response;

			set_up(1024, size, lens[i]);
			assert_int_equal(run(GW_COAP_GET, 0, &response), 0);
			assert_whole(&response);
			assert_int_equal(gateway.n_exchanges,
					 lens[i] ? (lens[i] + size - 1) / size : 1);
		}
}

static void test_download_without_blocks(void **state)
{
	struct response response;

	set_up(1024, 1024, 700);
	gateway.answers_whole = true;
	assert_int_equal(run(GW_COAP_GET, 0, &response), 0);
	assert_whole(&response);
	assert_int_equal(gateway.n_exchanges, 1);
}

static void test_upload(void **state)
{
	static const size_t lens[] = { 1, 300, 1023, 1024, 1025, 2048, 2049, REQUEST_BODY_MAX };

	for (uint16_t size = 16; size <= 1024; size = (uint16_t)(size * 2))
		for (size_t i = 0; i < GW_ELEMENTS(lens); i++) {
			struct response response;

			set_up(size, 64, 200);
			assert_int_equal(run(GW_COAP_POST, lens[i], &response), 0);
			assert_whole(&response);
			assert_int_equal(gateway.body_len, lens[i]);
			for (size_t j = 0; j < lens[i]; j++)
				assert_int_equal(gateway.body[j], (uint8_t)~pattern(j));
			assert_int_equal(gateway.size1, lens[i] > 1024 ? lens[i] : 0);
			assert_int_equal(gateway.n_uploads, 1);
		}
}

/* An error may come with any block, and ends it. */
static void test_upload_refused(void **state)
{
	struct response response;

	set_up(1024, 1024, 10);
	gateway.code = GW_COAP_TOO_LARGE;
	assert_int_equal(run(GW_COAP_POST, 5000, &response), 0);
	assert_whole(&response);
	assert_int_equal(gateway.n_exchanges, 1);
}

/* The answer changes on the way: all of it again, the request too. */
static void test_answer_changes(void **state)
{
	struct response response;

	for (size_t at = 2; at <= 4; at++) {
		set_up(1024, 256, 1000);
		gateway.fault = FAULT_ETAG;
		gateway.fault_at = at;
		assert_int_equal(run(GW_COAP_POST, 100, &response), 0);
		assert_whole(&response);
		assert_int_equal(gateway.n_uploads, 2);
		assert_int_equal(gateway.n_exchanges, at + 4);
	}
}

static void test_answer_never_rests(void **state)
{
	struct response response;

	set_up(1024, 256, 1000);
	gateway.fault = FAULT_ETAG_ALWAYS;
	assert_int_equal(run(GW_COAP_GET, 0, &response), -EBADMSG);
	assert_int_equal(gateway.n_exchanges, 6);
}

static void test_answer_becomes_an_error(void **state)
{
	struct response response;

	set_up(1024, 256, 1000);
	gateway.fault = FAULT_CODE;
	gateway.fault_at = 3;
	assert_int_equal(run(GW_COAP_GET, 0, &response), 0);
	assert_whole(&response);
	assert_int_equal(gateway.n_exchanges, 3 + 4);
}

static void test_malformed(void **state)
{
	static const struct {
		int fault;
		uint8_t code;
	} cases[] = { { FAULT_PLACE, GW_COAP_GET },
		      { FAULT_SHORT, GW_COAP_GET },
		      { FAULT_BLOCK2, GW_COAP_GET },
		      { FAULT_CONFIRMATION, GW_COAP_POST },
		      { FAULT_NO_BLOCK1, GW_COAP_POST } };

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		for (size_t at = 1; at <= 3; at++) {
			struct response response;

			set_up(1024, 256, 1000);
			gateway.fault = cases[i].fault;
			gateway.fault_at = at;
			(void)failure_set(&failure, 0, "%s", "");
			assert_int_equal(run(cases[i].code, 5000, &response), -EBADMSG);
			assert_int_equal(gateway.n_exchanges, at);
			assert_string_not_equal(failure.text, "");
		}
}

static void test_errors_pass(void **state)
{
	struct response response;

	for (size_t at = 1; at <= 6; at++) {
		set_up(1024, 512, 1000);
		gateway.fault = FAULT_TIMEOUT;
		gateway.fault_at = at;
		assert_int_equal(run(GW_COAP_POST, 5000, &response), -ETIMEDOUT);
		assert_int_equal(gateway.n_exchanges, at);
	}
}

static void test_too_much(void **state)
{
	struct response response;

	set_up(1024, 1024, RESPONSE_BODY_MAX);
	assert_int_equal(run(GW_COAP_GET, 0, &response), 0);
	assert_whole(&response);

	set_up(1024, 1024, RESPONSE_BODY_MAX + 1);
	assert_int_equal(run(GW_COAP_GET, 0, &response), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_download),
		cmocka_unit_test(test_download_without_blocks),
		cmocka_unit_test(test_upload),
		cmocka_unit_test(test_upload_refused),
		cmocka_unit_test(test_answer_changes),
		cmocka_unit_test(test_answer_never_rests),
		cmocka_unit_test(test_answer_becomes_an_error),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_errors_pass),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
