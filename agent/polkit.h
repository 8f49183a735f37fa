/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * polkit: asks the machine's authority whether somebody on the bus may do something, without waiting for
 * it. Every question is answered once, in bounded time, or taken back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct polkit;
struct polkit_check;
struct sd_bus;

enum polkit_answer {
	POLKIT_YES,
	POLKIT_NO,
	POLKIT_UNCONFIRMED, /* an administrator would have to confirm it, and could not be asked */
	POLKIT_ABSENT,      /* there is no polkit on this machine */
	POLKIT_TROUBLE,     /* there is, but it gives no answer; `why` says more */
};

/* `why` is "" unless there is trouble. Whoever asked frees the check, here or later. */
typedef void (*polkit_handler_t)(enum polkit_answer answer, const char *why, void *userdata);

struct polkit_question {
	const char *sender; /* its unique name on the bus */
	const char *action;
	bool interactive; /* it can wait until somebody has typed a password */
};

/* How long an answer is waited for. */
uint64_t polkit_patience_us(bool interactive);

/* For as long as this connection lives. */
int polkit_new(struct sd_bus *connection, struct polkit **ret);
struct polkit *polkit_free(struct polkit *polkit);

/* Asks; the handler is called later, never from here. */
int polkit_ask(struct polkit *polkit, const struct polkit_question *question,
	       polkit_handler_t handler, void *userdata, struct polkit_check **ret);

/* Takes the question back if it is not answered yet. */
struct polkit_check *polkit_check_free(struct polkit_check *check);
