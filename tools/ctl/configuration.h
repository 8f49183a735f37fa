/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configuration: what the verbs of the configuration share. */
#pragma once

#include <jansson.h>

struct ctl;

/*
 * The settings as an array of objects with section, key, value, default, source, live. which: "running" or
 * "disk". Where the files are at fault their faults are printed, and that is reported.
 */
int config_list(struct ctl *ctl, const char *which, json_t **ret);

/* The object of the list that has the same section and key, or NULL. */
const json_t *config_find(const json_t *list, const json_t *setting);

/* "[section] key" */
void config_name(const json_t *setting, char *name, size_t size);

/* Prints faults, which come as lines or as an array, and reports how many there are. file: what "<given>" stands
 * for; may be NULL. Returns CTL_FAILED. */
int config_print_faults(struct ctl *ctl, const json_t *faults, const char *file);
int config_print_fault_text(struct ctl *ctl, const char *text);
