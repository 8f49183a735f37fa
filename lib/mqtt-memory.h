/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mqtt-memory: what becomes of a program when OpenSSL finds no memory: it ends, with a word and status 1.
 */
#pragma once

/* The first thing in main(): nothing of OpenSSL may have been used before. */
void gw_mqtt_memory_is_vital(void);
