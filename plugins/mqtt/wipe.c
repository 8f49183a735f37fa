/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * free() of this whole program, libraries included: what is given back is wiped first. A claim's secret
 * may come from the cloud in the clear where the configuration lets it, and libmosquitto keeps each packet
 * in memory of its own that nobody else can reach and that it does not wipe.
 *
 * The C library lets a program define these functions; its own goes by this other name. A sanitizer
 * brings a free() that has to be the only one.
 */
#include <malloc.h>
#include <string.h>

#ifndef __SANITIZE_ADDRESS__

void __libc_free(void *p);

void free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	__libc_free(p);
}

#endif
