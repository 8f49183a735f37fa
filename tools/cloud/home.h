/* SPDX-License-Identifier: GPL-2.0-or-later */
/* home: the folder that holds all a cloud is: authorities, registry, credentials to hand out. */
#pragma once

#include <stddef.h>

#define HOME_ENVIRONMENT "GANGWAY_CLOUD_DIR"

/* Names in the folder. */
#define HOME_REGISTRY "registry.db"
#define HOME_DOORBELL "doorbell" /* written to by a verb that left work for `serve` */
#define HOME_BROKER   "broker"   /* what the broker's configuration needs, and an observer */
#define HOME_CLOUD    "cloud"    /* our own credential at the broker */
#define HOME_GATEWAYS "gateways" /* a folder each: the credentials that a gateway is to be given */
#define HOME_CLAIMS   "claims"   /* a folder each: the credentials that a batch of them is given */
#define HOME_PATH_MAX 4096

struct home {
	int fd;
	int bell; /* -1: not held */
	char path[HOME_PATH_MAX];
};

#define HOME_NONE ((struct home){ .fd = -1, .bell = -1 })

int home_open(const char *path, struct home *ret);
void home_close(struct home *home);

/* Makes a folder of mode 0700 in it unless it is there. */
int home_make_folder(const struct home *home, const char *name);

/* Takes one of its folders ("." for all) for this process alone; -EWOULDBLOCK: another has it. */
int home_lock(const struct home *home, const char *folder);

/* However this process lets go of the bell, a running `serve` then looks into the registry. */
int home_hold_bell(struct home *home);

/* What a person has to do about an error with a file in it, to stand behind the sentence: "; make room on its disk". */
const char *home_advice(int error);

/* "DIR/NAME" for libraries that take no descriptors; -ENAMETOOLONG. */
int home_path(const struct home *home, const char *name, char *path, size_t size);
