/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of resources: which paths find what, and how the directory lists it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "plugins/registrar/directory.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/resource.h"

static const struct resource *find(const char *path)
{
	struct gw_blob segments[16];
	size_t n = 0;

	for (const char *end; path; path = *end ? end + 1 : NULL) {
		end = strchrnul(path, '/');
		segments[n++] = (struct gw_blob){ (const uint8_t *)path, (size_t)(end - path) };
	}
	return resource_find(segments, n);
}

static void paths_are_found(void **state)
{
	static const char *const paths[] = { "core",           "est/crts",     "est/att",
					     "est/sen",        "est/sren",     "brski/es",
					     "gangway/config", "gangway/wiped" };
	char path[128];

	for (size_t i = 0; i < GW_ELEMENTS(paths); i++) {
		(void)snprintf(path, sizeof(path), ".well-known/%s", paths[i]);
		assert_non_null(find(path));
		assert_string_equal(find(path)->path, paths[i]);
		assert_ptr_equal(find(path), resource_at(i));
	}
	assert_null(resource_at(GW_ELEMENTS(paths)));
}

static void labels_stand_in_est_paths_only(void **state)
{
	assert_ptr_equal(find(".well-known/est/any-label/sen"), find(".well-known/est/sen"));
	assert_ptr_equal(find(".well-known/est/crts/crts"), find(".well-known/est/crts"));
	assert_ptr_equal(
		find(".well-known/est/"
		     "0123456789012345678901234567890123456789012345678901234567890123/att"),
		find(".well-known/est/att"));
	assert_null(find(".well-known/est/"
			 "01234567890123456789012345678901234567890123456789012345678901234/att"));
	assert_null(find(".well-known/est/a/b/sen"));
	assert_null(find(".well-known/est/label/core"));
	assert_null(find(".well-known/est/label"));
	assert_null(find(".well-known/brski/label/es"));
	assert_null(find(".well-known/gangway/label/config"));
}

static void other_paths_are_not(void **state)
{
	static const char *const paths[] = {
		"",
		"est/sen",
		".well-known",
		"well-known/est/sen",
		".well-known/est",
		".well-known/est/",
		".well-known//est/sen",
		".well-known/EST/sen",
		".well-known/est/sen/",
		".well-known/est/se",
		".well-known/est/senx",
		".well-known/est/skg",
		".well-known/gangway",
		"x/.well-known/est/sen",
		".well-known/core/core",
		".well-known/brski",
	};
	static const uint8_t slash[] = "est/sen", zero[] = "core\0x";
	struct gw_blob segments[2] = { { (const uint8_t *)".well-known", 11 } };
	char path[512] = ".well-known/est/";

	for (size_t i = 0; i < GW_ELEMENTS(paths); i++)
		if (find(paths[i]))
			fail_msg("found: %s", paths[i]);

	/* segments that would read as two, or end early */
	segments[1] = (struct gw_blob){ slash, 7 };
	assert_null(resource_find(segments, 2));
	segments[1] = (struct gw_blob){ zero, 6 };
	assert_null(resource_find(segments, 2));
	segments[1] = (struct gw_blob){ zero, 4 };
	assert_non_null(resource_find(segments, 2));

	memset(path + strlen(path), 'a', 300);
	assert_null(find(path));
}

static void formats_are_chosen(void **state)
{
	const struct resource *sen = find(".well-known/est/sen"),
			      *es = find(".well-known/brski/es");
	int format = 0;

	assert_true(resource_gives(sen, -1, &format));
	assert_int_equal(format, 281);
	assert_true(resource_gives(sen, 287, &format));
	assert_int_equal(format, 287);
	assert_false(resource_gives(sen, 286, &format));
	assert_false(resource_gives(sen, 0, &format));
	assert_true(resource_gives(es, 50, &format)); /* it has no answer to speak of */
	assert_int_equal(format, REPLY_NO_FORMAT);
}

static void assert_listed(const char *query, const char *expected)
{
	struct resource_call call = { .query = { (const uint8_t *)query, strlen(query) } };
	struct reply reply;
	struct gw_msg msg;

	assert_int_equal(directory_get(&call, &reply, &msg), 0);
	assert_int_equal(reply.code, GW_COAP_CONTENT);
	assert_int_equal(reply.format, GW_COAP_FORMAT_LINK);
	if (reply.len != strlen(expected) || memcmp(reply.body, expected, reply.len) != 0)
		fail_msg("?%s: '%.*s'", query, (int)reply.len, (const char *)reply.body);
	reply_done(&reply);
}

#define CRTS "</.well-known/est/crts>;rt=\"ace.est.crts\";ct=\"281 287\""
#define ATT  "</.well-known/est/att>;rt=\"ace.est.att\";ct=285"
#define SEN  "</.well-known/est/sen>;rt=\"ace.est.sen\";ct=\"281 287\""
#define SREN "</.well-known/est/sren>;rt=\"ace.est.sren\";ct=\"281 287\""
#define EST  CRTS "," ATT "," SEN "," SREN
#define ES   "</.well-known/brski/es>;rt=\"brski.es\";ct=50"
#define ALL  EST "," ES ",</.well-known/gangway/config>;rt=\"gangway.config\";ct=50"

static void the_directory_lists(void **state)
{
	assert_listed("", ALL);
	assert_listed("rt=*", ALL);
	assert_listed("rt=ace.est*", EST);
	assert_listed("rt=ace.est.*", EST);
	assert_listed("rt=ace.est.sen", SEN);
	assert_listed("rt=ace.est.s*", SEN "," SREN);
	assert_listed("rt=ace.est.se", "");
	assert_listed("rt=ace.est.sens", "");
	assert_listed("rt=ace.est.sens*", "");
	assert_listed("rt=brski.es", ES);
	assert_listed("rt=", "");
	assert_listed("rt", ALL);
	assert_listed("if=x", ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_found),
		cmocka_unit_test(labels_stand_in_est_paths_only),
		cmocka_unit_test(other_paths_are_not),
		cmocka_unit_test(formats_are_chosen),
		cmocka_unit_test(the_directory_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
