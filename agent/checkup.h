/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checkup: asks all rooms of the agent how they are, and doctor.c what to make of it. */
#pragma once

#include <stddef.h>

struct agent;
struct doctor_finding;

/* findings: DOCTOR_FINDINGS_MAX of them. Returns how many there are. */
size_t checkup(struct agent *agent, struct doctor_finding *findings);
