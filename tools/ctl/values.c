/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables for people and JSON for programs are both made from the JSON built here, so that the two
 * never tell different stories. Shapes are few and flat: a basic value, a list or a dictionary of
 * them, and rows of them; a newer agent's other shapes are stepped over. Numbers above what JSON
 * programs can hold (63 bits) become the largest that fits.
 */
#include "tools/ctl/values.h"

#include "lib/util.h"

#define NAME_MAX_LEN 64

static const char *const plugin_names[] = { "name",    "role", "version", "library",
					    "healthy", "text", NULL };

static const char *const list_names[] = { "issuer",       "number",   "this_update", "next_update",
					  "certificates", "received", "stale_since", NULL };

/* Properties that hold rows, and what to call a row's members. */
static const struct {
	const char *property;
	const char *const *names;
} row_properties[] = {
	{ "Plugins", plugin_names },
	{ "RevocationLists", list_names },
};

void values_name(const char *camel, char *snake, size_t size)
{
	size_t len = 0;

	for (const char *c = camel; *c && len + 2 < size; c++) {
		bool upper = *c >= 'A' && *c <= 'Z';

		if (upper && len)
			snake[len++] = '_';
		snake[len++] = (char)(upper ? *c - 'A' + 'a' : *c);
	}
	snake[len] = 0;
}

static bool is_basic(char type)
{
	return type && strchr("bynqiuxtdsog", type);
}

static int keep(json_t *json, json_t **ret)
{
	if (!json)
		return -ENOMEM;
	*ret = json;
	return 0;
}

static int read_basic(sd_bus_message *m, char type, json_t **ret)
{
	union {
		uint8_t y;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		double d;
		const char *s;
		int b;
	} value = { 0 };
	int r;

	r = sd_bus_message_read_basic(m, type, &value);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;

	switch (type) {
	case 'b': return keep(json_boolean(value.b), ret);
	case 'y': return keep(json_integer(value.y), ret);
	case 'n': return keep(json_integer(value.n), ret);
	case 'q': return keep(json_integer(value.q), ret);
	case 'i': return keep(json_integer(value.i), ret);
	case 'u': return keep(json_integer(value.u), ret);
	case 'x': return keep(json_integer(value.x), ret);
	case 't': return keep(json_integer((json_int_t)GW_MIN(value.t, INT64_MAX)), ret);
	case 'd': return keep(json_real(value.d), ret);
	default: return keep(json_string(value.s), ret);
	}
}

static int read_list(sd_bus_message *m, char type, json_t **ret)
{
	json_auto_t *list = json_array();
	char contents[] = { type, 0 };
	int r;

	r = sd_bus_message_enter_container(m, 'a', contents);
	while (r >= 0 && sd_bus_message_at_end(m, /* complete= */ 0) == 0) {
		json_t *element = NULL;

		r = read_basic(m, type, &element);
		if (r >= 0 && json_array_append_new(list, element) < 0)
			r = -ENOMEM;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(list);
	return 0;
}

int values_read_texts(sd_bus_message *m, json_t **ret)
{
	return read_list(m, 's', ret);
}

/* contents: "{su}" */
static int read_dictionary(sd_bus_message *m, const char *contents, json_t **ret)
{
	json_auto_t *object = json_object();
	const char inner[] = { contents[1], contents[2], 0 };
	int r;

	r = sd_bus_message_enter_container(m, 'a', contents);
	if (r < 0)
		return r;

	while ((r = sd_bus_message_enter_container(m, 'e', inner)) > 0) {
		json_t *value = NULL;
		const char *key;

		r = sd_bus_message_read_basic(m, 's', &key);
		if (r >= 0)
			r = read_basic(m, contents[2], &value);
		if (r >= 0 && json_object_set_new(object, key, value) < 0)
			r = -ENOMEM;
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(object);
	return 0;
}

/* types: "ssb", the members of the struct that is entered. */
static int read_row(sd_bus_message *m, const char *types, const char *const *names, json_t **ret)
{
	json_auto_t *row = json_object();
	int r;

	for (; *types; types++, names++) {
		json_t *member = NULL;

		if (!*names || !is_basic(*types))
			return -EBADMSG;
		r = read_basic(m, *types, &member);
		if (r < 0)
			return r;
		if (json_object_set_new(row, *names, member) < 0)
			return -ENOMEM;
	}

	*ret = TAKE_PTR(row);
	return 0;
}

int values_read_rows(sd_bus_message *m, const char *const *names, json_t **ret)
{
	json_auto_t *rows = json_array();
	const char *contents = NULL;
	char type, types[16];
	int r;

	r = sd_bus_message_peek_type(m, &type, &contents);
	if (r <= 0 || type != 'a' || contents[0] != '(' || strlen(contents) - 2 >= sizeof(types))
		return r < 0 ? r : -EBADMSG;
	(void)gw_copy(types, strlen(contents) - 1, contents + 1);

	r = sd_bus_message_enter_container(m, 'a', contents);
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'r', types)) > 0) {
		json_t *row = NULL;

		r = read_row(m, types, names, &row);
		if (r >= 0 && json_array_append_new(rows, row) < 0)
			r = -ENOMEM;
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(rows);
	return 0;
}

/* Reads what the variant holds; *ret stays NULL if nothing here knows its shape. */
static int read_value(sd_bus_message *m, const char *contents, const char *property, json_t **ret)
{
	size_t len = strlen(contents);

	if (len == 1 && is_basic(*contents))
		return read_basic(m, *contents, ret);
	if (len == 2 && contents[0] == 'a' && is_basic(contents[1]))
		return read_list(m, contents[1], ret);
	if (len == 5 && strncmp(contents, "a{s", 3) == 0 && is_basic(contents[3]))
		return read_dictionary(m, contents + 1, ret);

	for (size_t i = 0; i < GW_ELEMENTS(row_properties); i++)
		if (gw_streq(row_properties[i].property, property))
			return values_read_rows(m, row_properties[i].names, ret);
	return sd_bus_message_skip(m, contents);
}

static int read_property(sd_bus_message *m, json_t *object)
{
	const char *property, *contents = NULL;
	char name[NAME_MAX_LEN], type;
	json_t *value = NULL;
	int r;

	r = sd_bus_message_read_basic(m, 's', &property);
	if (r >= 0)
		r = sd_bus_message_peek_type(m, &type, &contents);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'v', contents);
	if (r >= 0)
		r = read_value(m, contents, property, &value);
	if (r >= 0 && value) {
		values_name(property, name, sizeof(name));
		if (json_object_set_new(object, name, value) < 0)
			return -ENOMEM;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : 0;
}

int values_read_properties(sd_bus_message *m, json_t **ret)
{
	json_auto_t *object = json_object();
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;

	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_property(m, object);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(object);
	return 0;
}

const char *values_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

uint64_t values_number(const json_t *object, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(object, name));

	return number > 0 ? (uint64_t)number : 0;
}

bool values_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

void values_print(const json_t *value, FILE *out)
{
	const char *before = "[\n";
	const json_t *element;
	size_t i;

	if (!json_is_array(value) || json_array_size(value) == 0) {
		(void)json_dumpf(value, out, 0);
		(void)fputc('\n', out);
		return;
	}
	json_array_foreach(value, i, element)
	{
		(void)fputs(before, out);
		(void)json_dumpf(element, out, 0);
		before = ",\n";
	}
	(void)fputs("\n]\n", out);
}
