/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * values: what D-Bus messages hold, as JSON. Names go to lower case, joined by `_`: NotAfter,
 * not_after.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Cuts at size. */
void values_name(const char *camel, char *snake, size_t size);

/* Reads a{sv} into one object; a property of a shape that nobody foresaw is left out. */
int values_read_properties(sd_bus_message *m, json_t **ret);

/* Reads a(...) into an array of objects; names: one for each member, then NULL. -EBADMSG. */
int values_read_rows(sd_bus_message *m, const char *const *names, json_t **ret);

/* Reads as into an array. */
int values_read_texts(sd_bus_message *m, json_t **ret);

/* The member as text for people: "" if there is none, times and numbers are the caller's. */
const char *values_text(const json_t *object, const char *name);

uint64_t values_number(const json_t *object, const char *name);
bool values_true(const json_t *object, const char *name);

/* Prints for programs: an object in one line, an array with an element a line. */
void values_print(const json_t *value, FILE *out);
