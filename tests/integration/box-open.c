/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens a box as the agent does, on wolfCrypt, so that a test can see what the cloud has sealed:
 *
 *	box-open keys				prints "PRIVATE PUBLIC" in hex
 *	box-open PRIVATE PUBLIC ABOUT BOX	prints the secret in hex, or fails
 */
#include <stdio.h>

#include "lib/blob.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/util.h"

#define BOX_MAX 256

static int make_keys(void)
{
	uint8_t private_key[GW_X25519_LEN], public_key[GW_X25519_LEN];
	char a[2 * GW_X25519_LEN + 1], b[2 * GW_X25519_LEN + 1];

	if (gw_box_keypair(private_key, public_key) < 0)
		return EXIT_FAILURE;

	gw_hex_encode(private_key, sizeof(private_key), a);
	gw_hex_encode(public_key, sizeof(public_key), b);
	(void)printf("%s %s\n", a, b);
	return EXIT_SUCCESS;
}

static int open_box(char **argv)
{
	uint8_t private_key[GW_X25519_LEN], public_key[GW_X25519_LEN], box[BOX_MAX], out[BOX_MAX];
	struct gw_blob about = { (const uint8_t *)argv[3], strlen(argv[3]) };
	char text[2 * BOX_MAX + 1];
	size_t len;

	if (gw_hex_decode(argv[1], private_key, sizeof(private_key), &len) < 0 ||
	    gw_hex_decode(argv[2], public_key, sizeof(public_key), &len) < 0 ||
	    gw_hex_decode(argv[4], box, sizeof(box), &len) < 0)
		return EXIT_FAILURE;
	if (gw_box_open(private_key, public_key, about, (struct gw_blob){ box, len }, out) < 0)
		return EXIT_FAILURE;

	gw_hex_encode(out, len - GW_BOX_EXTRA, text);
	(void)puts(text);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2 && gw_streq(argv[1], "keys"))
		return make_keys();
	return argc == 5 ? open_box(argv) : EXIT_FAILURE;
}
