/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a conversation takes at most, of the agent and of memory; and that any allocation may fail. */
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "conversation-bench.h"
#include "lib/coap.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "openssl.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/exchange.h"

/* --- memory --- */

/* Allocations of ours and of wolfSSL's until one fails; SIZE_MAX: none does. */
static size_t until_failure = SIZE_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __real_free(void *p);
void __wrap_free(void *p);

/* What is allocated and not yet freed. */
static size_t live;

static void *count(void *p)
{
	live += p ? malloc_usable_size(p) : 0;
	return p;
}

static bool fails(void)
{
	return until_failure != SIZE_MAX && until_failure-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *new = fails() ? NULL : __real_realloc(p, size);

	live -= new ? old : 0;
	return count(new);
}

void __wrap_free(void *p)
{
	live -= p ? malloc_usable_size(p) : 0;
	__real_free(p);
}

/* --- limits --- */

static void few_questions_at_once(void **state)
{
	struct bench *b = bench_psk();
	struct asking a;
	struct gw_coap msg;
	uint32_t first = 0;

	for (int i = 0; i < 4; i++) {
		a = asking_sen(b);
		say(b, &a.msg);
		first = i == 0 ? heard_enroll(b) : first;
		b->n_heard = b->n_asked;
	}
	a = asking_sen(b);
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_UNAVAILABLE);
	assert_int_equal(option(&msg, GW_COAP_MAX_AGE), 2);
	assert_nothing_said(b);

	answer_issued(b, first);
	hear_code(b, GW_COAP_CHANGED);
	a = asking_sen(b);
	say(b, &a.msg);
	heard_enroll(b);
	bench_free(b);
}

static void questions_have_a_rate(void **state)
{
	struct bench *b = bench_psk();
	struct asking a;

	for (int i = 0; i < 16; i++) {
		a = asking_sen(b);
		a.msg.payload.len--;
		say(b, &a.msg);
		hear_code(b, GW_COAP_BAD_REQUEST);
		heard(b, GW_MSG_REJECTED);
	}
	a = asking_sen(b);
	say(b, &a.msg);
	hear_code(b, GW_COAP_UNAVAILABLE);
	assert_nothing_said(b);

	/* nor is what is refused for its size told any more */
	a = asking_sen(b);
	with(&a, GW_COAP_SIZE1, GW_CSR_MAX + 1);
	say(b, &a.msg);
	hear_code(b, GW_COAP_TOO_LARGE);
	assert_nothing_said(b);

	/* what costs the agent nothing goes on */
	a = asking_for(b, GW_COAP_GET, CRTS);
	say(b, &a.msg);
	hear_code(b, GW_COAP_CONTENT);

	wait_until(b, SECOND / 4);
	a = asking_sen(b);
	say(b, &a.msg);
	heard_enroll(b);
	bench_free(b);
}

static void a_binding_is_compared(void **state)
{
	static const char config[] = "[req]\ndistinguished_name=d\nattributes=a\nprompt=no\n"
				     "[d]\nCN=ACME-1\n[a]\nchallengePassword=AQAAAAAAAAAAAAAB\n";
	static const uint8_t binding[12] = { 1 }, long_binding[CONVERSATION_BINDING_MAX + 1];
	struct conversation_peer peer = { .device = "ACME-1", .binding = GW_BLOB_ARRAY(binding) };
	struct bench *b = bench_new(&peer);
	struct asking a = asking_sen(b);
	struct conversation *c;

	say(b, &a.msg); /* it has no challenge */
	heard_enroll(b);
	bench_free(b);

	b = bench_new(&peer);
	openssl_write("config", (struct gw_blob){ (const uint8_t *)config, strlen(config) });
	openssl_run("req -new -key key -config config -outform DER -out bound");
	a = asking_sen(b);
	a.msg.payload = openssl_read("bound");
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_REQUEST);
	assert_string_equal(heard(b, GW_MSG_REJECTED).rejected.reason, "wrong-session");
	free((void *)(uintptr_t)a.msg.payload.data);

	peer.binding = (struct gw_blob)GW_BLOB_ARRAY(long_binding);
	assert_int_equal(conversation_new(&bench_ops, NULL, &b->facts, &peer, &c), -EINVAL);
	bench_free(b);
}

/* Begins a body and leaves it, with more blocks to come. */
static void begin_body(struct bench *b, uint32_t tag)
{
	static const struct gw_coap_block blocks[] = {
		{ 0, true, 1024 }, { 1, true, 1024 }, { 2, true, 1024 }, { 6, true, 512 }
	};
	static const uint8_t zeros[1024];

	for (size_t i = 0; i < GW_ELEMENTS(blocks); i++) {
		struct asking a = asking_for(b, GW_COAP_POST, SEN);

		with(&a, GW_COAP_BLOCK1, gw_coap_block_value(&blocks[i]));
		with(&a, REQUEST_TAG, tag);
		a.msg.payload = (struct gw_blob){ zeros, blocks[i].size };
		say(b, &a.msg);
		hear_code(b, GW_COAP_CONTINUE);
	}
}

/* Has the longest answer there can be made, and fetches its first block only. */
static void begin_answer(struct bench *b, uint32_t query)
{
	static const uint8_t zeros[GW_CHAIN_MAX];
	struct asking a = asking_sen(b);

	with(&a, GW_COAP_URI_QUERY, query);
	say(b, &a.msg);
	answer(b, &(struct gw_msg){ .type = GW_MSG_ENROLLED,
				    .enrolled = { .request = heard_enroll(b),
						  .outcome = GW_OUTCOME_DONE,
						  .certificate = { zeros, GW_CERT_MAX },
						  .chain = { zeros, GW_CHAIN_MAX } } });
	hear_code(b, GW_COAP_CHANGED);
}

/* Whatever a peer begins and never ends: as many bodies as can be, as long as can be, both ways, and as
 * many remembered answers. More of the same costs no more. */
static void memory_is_bounded(void **state)
{
	const size_t before = live;
	struct bench *b = bench_psk();

	for (uint32_t round = 1; round <= 8; round++) {
		for (uint32_t n = 0; n < 8; n++) {
			b->n_sent = b->n_seen = b->n_asked = b->n_heard = 0;
			begin_body(b, round * 8 + n);
			begin_answer(b, round * 8 + n);
			wait_until(b, b->now_us + SECOND);
		}
		assert_in_range(live - before - sizeof(*b), 4 * (GW_CERT_MAX + GW_CHAIN_MAX),
				CONVERSATION_MEMORY_MAX);
	}
	bench_free(b);
	assert_int_equal(live, before);
}

/* An enrolment in blocks of which the nth allocation fails; false once there are fewer. */
static bool enrol_short_of_memory(size_t n)
{
	struct bench *b = bench_psk();
	struct gw_coap_block block;
	struct asking last;
	bool failed;

	until_failure = n;
	for (uint32_t i = 0; i * 64 < csr.len; i++) {
		size_t left = csr.len - i * 64;
		struct asking a = asking_for(b, GW_COAP_POST, SEN);

		with_block(&a, GW_COAP_BLOCK1, i, left > 64, 64);
		a.msg.payload = (struct gw_blob){ csr.data + i * 64, GW_MIN(left, (size_t)64) };
		say(b, &a.msg);
	}
	/* wolfSSL calls a signature bad when it runs out of memory over it: that would be a REJECTED */
	if (b->n_asked > 0 && b->asked[0][1] == GW_MSG_ENROLL)
		answer_issued(b, heard_enroll(b));
	b->n_heard = b->n_asked;
	block = (struct gw_coap_block){ .number = 1, .size = 64 };
	for (; block.number < 4; block.number++) {
		struct asking a = asking_for(b, GW_COAP_POST, SEN);

		with_block(&a, GW_COAP_BLOCK2, block.number, false, 64);
		say(b, &a.msg);
	}
	failed = until_failure == SIZE_MAX;
	until_failure = SIZE_MAX;

	/* each request was answered, if only by a reset, and the next one is served */
	assert_true(conversation_is_idle(b->c));
	for (uint16_t id = 0; id < b->next_id; id++)
		assert_int_equal(hear(b).id, id);
	last = asking_sen(b);
	say(b, &last.msg);
	answer_issued(b, heard_enroll(b));
	hear_code(b, GW_COAP_CHANGED);
	bench_free(b);
	return failed;
}

static void every_allocation_may_fail(void **state)
{
	size_t n = 0;

	while (enrol_short_of_memory(n))
		n++;
	assert_in_range(n, 10, 1000);
}

static void no_memory_to_begin_with(void **state)
{
	const struct conversation_peer peer = { .device = "ACME-1" };
	struct conversation_facts facts = { 0 };
	struct conversation *c;
	int r;

	for (size_t n = 0;; n++) {
		until_failure = n;
		r = conversation_new(&bench_ops, NULL, &facts, &peer, &c);
		until_failure = SIZE_MAX;
		if (r == 0)
			break;
		assert_true(r == -ENOMEM || r == -EIO);
		assert_true(n < 100);
	}
	conversation_free(c);
}

/* Who is served nothing yet is told to come again, soon at first; the agent is asked nothing of what it wants. */
static void a_peer_that_has_to_wait(void **state)
{
	static const uint32_t told_s[] = { 1, 2, 4, 8, 16, 30, 30 };
	static const char *const paths[] = { CRTS, SREN, CONFIG };
	struct bench *b = bench_new(&(struct conversation_peer){
		.device = "ACME-1", .by_certificate = true, .waits = true });

	for (size_t i = 0; i < GW_ELEMENTS(told_s); i++) {
		const char *path = paths[i % GW_ELEMENTS(paths)];
		bool is_post = gw_streq(path, SREN);
		struct asking a = asking_for(b, is_post ? GW_COAP_POST : GW_COAP_GET, path);
		struct gw_coap msg;

		if (is_post)
			a.msg.payload = csr;
		say(b, &a.msg);
		msg = hear_code(b, GW_COAP_UNAVAILABLE);
		assert_int_equal(option(&msg, GW_COAP_MAX_AGE), told_s[i]);
		assert_int_equal(b->n_asked, 0);
	}
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(no_memory_to_begin_with),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(few_questions_at_once),
		cmocka_unit_test(questions_have_a_rate),
		cmocka_unit_test(a_binding_is_compared),
		cmocka_unit_test(a_peer_that_has_to_wait),
	};

	return cmocka_run_group_tests(tests, bench_make_material, bench_remove_material);
}
