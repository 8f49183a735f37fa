/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key: key pairs of our own (P-256), and what is asked of the keys of others. */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

int key_make(EVP_PKEY **ret);

/* PEM, mode 0600. -ENOENT, or -EBADMSG if the file holds no private key. */
int key_load(int dir_fd, const char *path, EVP_PKEY **ret);
int key_store(int dir_fd, const char *path, const EVP_PKEY *key);

/* Loads the key, or makes and stores one if there is none. */
int key_ensure(int dir_fd, const char *path, EVP_PKEY **ret);

/* For _cleanup_(). */
void key_freep(EVP_PKEY **key);
