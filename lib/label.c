/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading goes from the outside in: length, `GW1:`, the check sum, then field by field from a
 * table. The check sum comes before the fields, so that a person who mistyped a character hears
 * that, and not about the field the character happened to stand in; what is wrong behind a good
 * check sum is its maker's fault. The working copy holds the secret and is wiped.
 */
#include "lib/label.h"

#include <stdio.h>
#include <time.h>

#include "lib/base32.h"
#include "lib/util.h"

#define PREFIX      "GW1:"
#define PREFIX_LEN  4
#define CHECK_LEN   6 /* "+C965B" */
#define DATE_LEN    8
#define DAY_S       86400
#define EXPIRES_MAX 253402300800 /* the end of the year 9999: years have four digits */
#define PUNCTUATION " $%*-./:"

static const char bad_text[] =
	"A field holds a character that labels do not have; ask the label's maker for a new one.";

/* CRC-16/CCITT-FALSE. */
static uint16_t check_sum(const char *text, size_t len)
{
	uint16_t sum = 0xffff;

	for (size_t i = 0; i < len; i++) {
		sum ^= (uint16_t)((uint8_t)text[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			sum = (uint16_t)(sum & 0x8000 ? sum << 1 ^ 0x1021 : sum << 1);
	}
	return sum;
}

static bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_of(const char *text, size_t len, const char *punctuation)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !(c && strchr(punctuation, c)))
			return false;
	}
	return true;
}

static bool id_fits(const char *id, size_t len)
{
	return len >= 1 && len <= GW_LABEL_FIELD_MAX && is_of(id, len, ".:-");
}

static bool text_fits(const char *text, size_t len)
{
	return len <= GW_LABEL_FIELD_MAX && is_of(text, len, PUNCTUATION);
}

/* Bytes that are all equal, or count up or down, were never drawn at random. */
static bool is_weak(const uint8_t *secret, size_t len)
{
	uint8_t step = (uint8_t)(secret[1] - secret[0]);

	if (step != 0 && step != 1 && step != 0xff)
		return false;
	for (size_t i = 2; i < len; i++)
		if ((uint8_t)(secret[i] - secret[i - 1]) != step)
			return false;
	return true;
}

/* The readers of the values: each returns NULL, or the sentence that says what is wrong. */

static const char *read_id(struct gw_label *label, const char *value, size_t len)
{
	if (!id_fits(value, len))
		return "Field I: a device id is 1 to 64 of A-Z 0-9 . : and -; ask the label's "
		       "maker "
		       "for a new one.";
	memcpy(label->id, value, len);
	return NULL;
}

static const char *read_secret(struct gw_label *label, const char *value, size_t len)
{
	int r = gw_base32_decode(value, len, label->secret, sizeof(label->secret),
				 &label->secret_len);

	if (r == -EINVAL)
		return "Field S: the secret is not canonical base32 in Crockford's alphabet; ask "
		       "the label's maker for a new one.";
	if (r < 0 || label->secret_len < GW_LABEL_SECRET_MIN)
		return "Field S: the secret must have 16 to 32 bytes; ask the label's maker for a "
		       "new one.";
	label->secret_is_weak = is_weak(label->secret, label->secret_len);
	return NULL;
}

static const char *read_key_hash(struct gw_label *label, const char *value, size_t len)
{
	size_t hash_len = 0;
	int r = gw_base32_decode(value, len, label->key_hash, sizeof(label->key_hash), &hash_len);

	if (r < 0 || hash_len != GW_LABEL_HASH_LEN)
		return "Field F: the hash of the public key must be 32 bytes in canonical base32; "
		       "ask the label's maker for a new one.";
	return NULL;
}

static const char *read_text(char *to, const char *value, size_t len, const char *too_long)
{
	if (len > GW_LABEL_FIELD_MAX)
		return too_long;
	if (!text_fits(value, len))
		return bad_text;
	memcpy(to, value, len);
	return NULL;
}

static const char *read_model(struct gw_label *label, const char *value, size_t len)
{
	return read_text(
		label->model, value, len,
		"Field M: the model has more than 64 characters; ask the label's maker for "
		"a new one.");
}

static const char *read_vendor(struct gw_label *label, const char *value, size_t len)
{
	return read_text(label->vendor, value, len,
			 "Field V: the vendor has more than 64 characters; ask the label's maker "
			 "for a new one.");
}

static const char *read_transport(struct gw_label *label, const char *value, size_t len)
{
	return read_text(label->transport, value, len,
			 "Field T: the transport hint has more than 64 characters; ask the label's "
			 "maker for a new one.");
}

static int digits_value(const char *text, size_t len)
{
	int value = 0;

	for (size_t i = 0; i < len; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

static const char *read_expiry(struct gw_label *label, const char *value, size_t len)
{
	static const char why[] = "Field E: the expiry is not a day of the calendar written "
				  "YYYYMMDD; ask the label's maker for a new one.";
	struct tm given = { 0 }, real;

	if (len != DATE_LEN || strspn(value, "0123456789") < DATE_LEN)
		return why;
	given.tm_year = digits_value(value, 4) - 1900;
	given.tm_mon = digits_value(value + 4, 2) - 1;
	given.tm_mday = digits_value(value + 6, 2);
	real = given;
	/* timegm() turns 31 February into 3 March: a day is real if its month was left alone. */
	if (timegm(&real) < 0 || real.tm_mon != given.tm_mon)
		return why;

	label->expires = (uint64_t)timegm(&real) + DAY_S;
	return NULL;
}

static const struct field {
	char key;
	const char *(*read)(struct gw_label *label, const char *value, size_t len);
} fields[] = {
	{ 'I', read_id },     { 'S', read_secret },    { 'F', read_key_hash }, { 'M', read_model },
	{ 'V', read_vendor }, { 'T', read_transport }, { 'E', read_expiry },
};

static const char *read_field(struct gw_label *label, char key, const char *value, size_t len)
{
	for (size_t i = 0; i < GW_ELEMENTS(fields); i++)
		if (fields[i].key == key)
			return fields[i].read(label, value, len);

	return is_of(value, len, PUNCTUATION) ? NULL : bad_text;
}

/* One bit a key letter, to see which fields were there. */
static uint32_t bit_of(char key)
{
	return 1u << (key - 'A');
}

static const char *check_presence(uint32_t seen)
{
	if (!(seen & bit_of('I')))
		return "Field I, the device id, is missing; ask the label's maker for a new one.";
	if (!(seen & (bit_of('S') | bit_of('F'))))
		return "Both field S, the secret, and field F, the key's hash, are missing; ask "
		       "the label's maker for a new one.";
	if ((seen & bit_of('S')) && (seen & bit_of('F')))
		return "Fields S and F stand in one label, only one of them may; ask the label's "
		       "maker for a new one.";
	return NULL;
}

/* text: the fields between `GW1:` and the check sum's `+`. */
static const char *read_fields(struct gw_label *label, const char *text, size_t len)
{
	const char *end = text + len;
	uint32_t seen = bit_of('C');

	for (const char *field = text; field <= end;) {
		const char *plus = memchr(field, '+', (size_t)(end - field));
		const char *field_end = plus ? plus : end;
		const char *why;

		if (field == field_end || *field < 'A' || *field > 'Z')
			return "A field does not begin with its key letter; ask the label's maker "
			       "for a new one.";
		if (seen & bit_of(*field))
			return "A field stands twice in the label; ask the label's maker for a new "
			       "one.";
		why = read_field(label, *field, field + 1, (size_t)(field_end - field - 1));
		if (why)
			return why;
		seen |= bit_of(*field);
		field = field_end + 1;
	}

	return check_presence(seen);
}

static const char *check_frame(const char *text, size_t len)
{
	char check[CHECK_LEN + 1];
	const char *plus;

	if (strncmp(text, PREFIX, PREFIX_LEN) != 0)
		return "Not a device label: those begin with GW1: in upper or lower case.";

	plus = memrchr(text, '+', len);
	if (!plus || (size_t)(text + len - plus) != CHECK_LEN || plus[1] != 'C')
		return "The label does not end in its check sum, field C with four digits; it is "
		       "cut off: scan it again or type it whole.";

	(void)snprintf(check, sizeof(check), "+C%04X", check_sum(text, (size_t)(plus - text)));
	if (memcmp(plus, check, CHECK_LEN) != 0)
		return "The check sum, field C, does not fit the label: a character is wrong; scan "
		       "it again or type it exactly.";
	return NULL;
}

int gw_label_parse(const char *text, struct gw_label *ret, const char **ret_why)
{
	char upper[GW_LABEL_MAX + 1];
	struct gw_label label = { 0 };
	size_t len;
	const char *why;

	while (is_white(*text))
		text++;
	len = strlen(text);
	while (len && is_white(text[len - 1]))
		len--;
	if (len > GW_LABEL_MAX) {
		*ret_why = "The label has more than 512 characters; scan one label alone.";
		return -EBADMSG;
	}

	for (size_t i = 0; i < len; i++)
		upper[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
	upper[len] = 0;

	why = check_frame(upper, len);
	if (!why)
		why = read_fields(&label, upper + PREFIX_LEN, len - PREFIX_LEN - CHECK_LEN);
	if (!why)
		*ret = label;
	else
		*ret_why = why;

	explicit_bzero(upper, sizeof(upper));
	gw_label_wipe(&label);
	return why ? -EBADMSG : 0;
}

/* Appends a field; key is its letter behind what separates it from the one before. */
static bool put_field(char *text, size_t size, size_t *len, const char *key, const char *value)
{
	int n;

	if (!*value)
		return true;
	n = snprintf(text + *len, size - *len, "%s%s", key, value);
	if (n < 0 || (size_t)n >= size - *len)
		return false;
	*len += (size_t)n;
	return true;
}

static bool format_expiry(uint64_t expires, char *date, size_t size)
{
	time_t last_second = (time_t)expires - 1;
	struct tm tm;

	if (!expires) {
		*date = 0;
		return true;
	}
	return expires % DAY_S == 0 && expires <= EXPIRES_MAX && gmtime_r(&last_second, &tm) &&
	       strftime(date, size, "%Y%m%d", &tm) == DATE_LEN;
}

static bool label_fits(const struct gw_label *label)
{
	bool secret_fits = label->secret_len == 0 || (label->secret_len >= GW_LABEL_SECRET_MIN &&
						      label->secret_len <= GW_LABEL_SECRET_MAX);

	return secret_fits && id_fits(label->id, strlen(label->id)) &&
	       text_fits(label->model, strlen(label->model)) &&
	       text_fits(label->vendor, strlen(label->vendor)) &&
	       text_fits(label->transport, strlen(label->transport));
}

int gw_label_format(const struct gw_label *label, char *text, size_t size)
{
	char digits[GW_BASE32_LEN(GW_LABEL_SECRET_MAX) + 1];
	char date[DATE_LEN + 1], check[CHECK_LEN];
	const char *key = label->secret_len ? "+S" : "+F";
	size_t len = 0;
	bool fits;

	if (!label_fits(label) || !format_expiry(label->expires, date, sizeof(date)))
		return -EINVAL;

	if (label->secret_len)
		gw_base32_encode(label->secret, label->secret_len, digits);
	else
		gw_base32_encode(label->key_hash, sizeof(label->key_hash), digits);

	fits = put_field(text, size, &len, PREFIX "I", label->id) &&
	       put_field(text, size, &len, key, digits) &&
	       put_field(text, size, &len, "+M", label->model) &&
	       put_field(text, size, &len, "+V", label->vendor) &&
	       put_field(text, size, &len, "+T", label->transport) &&
	       put_field(text, size, &len, "+E", date);
	(void)snprintf(check, sizeof(check), "%04X", check_sum(text, len));
	fits = fits && put_field(text, size, &len, "+C", check);

	explicit_bzero(digits, sizeof(digits));
	return fits ? 0 : -ENOSPC;
}

void gw_label_wipe(struct gw_label *label)
{
	explicit_bzero(label->secret, sizeof(label->secret));
	label->secret_len = 0;
}
