/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-loop: an event loop, a clock and UDP sockets that exist in this process only. Time passes when the
 * test says so; datagrams are handed in and come out by a call.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define FAKE_LOOP_START_US 1000000000ull

/* Forgets all sources and sets the clock to its start. `sent` is called for each datagram that leaves. */
void fake_loop_begin(void (*sent)(const struct sockaddr *to, struct gw_blob datagram));

uint64_t fake_loop_now_us(void);

/* A socket to be given away. */
int fake_loop_socket(int family);

/* What watches the last descriptor is told of these events on it. */
void fake_loop_wake(uint32_t events);

/* A datagram comes in from there, on the last socket of its family that is watched. */
void fake_loop_receive(const struct sockaddr *from, struct gw_blob datagram);

/* When the next timer is due; UINT64_MAX: none is set. */
uint64_t fake_loop_due_us(void);

/* Lets time pass, and calls each timer when it is due. Aborts if the timers do not let it pass. */
void fake_loop_pass(uint64_t us);
