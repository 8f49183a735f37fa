/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sheet: what the doctor writes down, in the order in which it was found. */
#pragma once

#include <stddef.h>

#include "agent/doctor.h"

struct sheet {
	struct doctor_finding *findings; /* room for DOCTOR_FINDINGS_MAX */
	size_t n;
};

/* What a check has found, a sentence, which may lack its full stop. Returns it, for the advice. */
struct doctor_finding *sheet_find(struct sheet *sheet, const char *check,
				  enum doctor_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* What to do about it. */
void sheet_advise(struct doctor_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
