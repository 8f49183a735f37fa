/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What works comes first and is fallen back on; a candidate is tried in between, never for good.
 * What is no candidate has an order: our own, then a file's, then the claim, which is no way to
 * work but the way back where our own has ended, or the cloud has readmitted us. The next in the order has its turn after
 * a few refusals, in so many words, of the one before it.
 */
#include "plugins/mqtt/identity.h"

#include <stddef.h>
#include <stdlib.h>

#define REFUSALS_MAX 3 /* until the next in the order has its turn */
#define PROOFS_MAX   5 /* refused candidate: then another one is asked for */

static bool has(const struct identity *i, enum identity_pass pass)
{
	switch (pass) {
	case IDENTITY_LIVE: return i->has_live;
	case IDENTITY_GIVEN: return i->has_given;
	case IDENTITY_CLAIM: return i->has_claim;
	case IDENTITY_NONE:
	case IDENTITY_CANDIDATE:
	case _IDENTITY_PASS_MAX: break;
	}
	return false;
}

static enum identity_pass choose_standing(const struct identity *i)
{
	static const enum identity_pass order[] = { IDENTITY_LIVE, IDENTITY_GIVEN, IDENTITY_CLAIM };
	enum identity_pass there[3];
	size_t n = 0;

	for (size_t k = 0; k < 3; k++)
		if (has(i, order[k]))
			there[n++] = order[k];
	return n ? there[i->n_refused / REFUSALS_MAX % n] : IDENTITY_NONE;
}

enum identity_pass identity_choose(const struct identity *i)
{
	enum identity_pass standing = choose_standing(i);

	if (i->candidate == IDENTITY_CERTIFICATE && (!i->is_resting || standing == IDENTITY_NONE))
		return IDENTITY_CANDIDATE;
	return standing;
}

/* We are connected with something that is no candidate. */
static enum identity_action work_with_standing(const struct identity *i)
{
	if (!i->can_keep || i->is_resting)
		return IDENTITY_GO_ON;
	if (i->candidate == IDENTITY_CERTIFICATE)
		return IDENTITY_RECONNECT;
	if (i->pass == IDENTITY_CLAIM || i->is_due || i->candidate == IDENTITY_KEY)
		return IDENTITY_ASK;
	return IDENTITY_GO_ON;
}

static enum identity_action come_up(struct identity *i)
{
	i->is_up = true;
	if (i->pass == IDENTITY_CANDIDATE) {
		i->n_candidate_refused = 0;
		return IDENTITY_PROVE;
	}
	if (i->pass != IDENTITY_CLAIM)
		i->n_refused = 0;
	return work_with_standing(i);
}

/* Whatever it was, we go on with what worked. */
static enum identity_action rest(struct identity *i)
{
	if (i->candidate == IDENTITY_CERTIFICATE && i->n_candidate_refused >= PROOFS_MAX &&
	    choose_standing(i) != IDENTITY_NONE) {
		i->candidate = IDENTITY_NO_CANDIDATE;
		i->n_candidate_refused = 0;
		i->is_resting = true;
		return IDENTITY_DROP;
	}
	i->is_resting = true;
	return IDENTITY_REST;
}

static enum identity_action go_down(struct identity *i, bool refused)
{
	i->is_up = false;
	if (i->pass == IDENTITY_CANDIDATE) {
		i->n_candidate_refused += refused;
		return rest(i);
	}
	i->n_refused += refused;
	return IDENTITY_GO_ON;
}

/* The cloud's no. With the claim it may be our own certificate's turn again. */
static enum identity_action be_denied(struct identity *i)
{
	i->candidate = IDENTITY_NO_CANDIDATE;
	i->is_resting = true;
	if (i->pass == IDENTITY_CLAIM)
		i->n_refused = 0;
	return IDENTITY_DROP;
}

static enum identity_action be_proved(struct identity *i)
{
	i->has_live = true;
	i->candidate = IDENTITY_NO_CANDIDATE;
	i->pass = IDENTITY_LIVE;
	i->is_due = i->is_resting = false;
	i->n_refused = i->n_candidate_refused = 0;
	return IDENTITY_PROMOTE;
}

enum identity_action identity_take(struct identity *i, enum identity_event event)
{
	switch (event) {
	case IDENTITY_UP: return come_up(i);
	case IDENTITY_REFUSED: return go_down(i, /* refused= */ true);
	case IDENTITY_UNREACHABLE:
	case IDENTITY_LOST: return go_down(i, /* refused= */ false);
	case IDENTITY_DUE:
		i->is_due = true;
		return i->is_up && i->pass != IDENTITY_CANDIDATE ? work_with_standing(i)
								 : IDENTITY_GO_ON;
	case IDENTITY_ISSUED:
		i->candidate = IDENTITY_CERTIFICATE;
		i->is_resting = false;
		return IDENTITY_RECONNECT;
	case IDENTITY_PROVED:
		return i->candidate == IDENTITY_CERTIFICATE && i->pass == IDENTITY_CANDIDATE
			       ? be_proved(i)
			       : IDENTITY_GO_ON;
	case IDENTITY_DENIED: return be_denied(i);
	case IDENTITY_PUT_OFF: return rest(i);
	case IDENTITY_RESTED:
		i->is_resting = false;
		return i->is_up && i->pass != IDENTITY_CANDIDATE ? work_with_standing(i)
		       : i->is_up                                ? IDENTITY_PROVE
								 : IDENTITY_GO_ON;
	case _IDENTITY_EVENT_MAX: break;
	}
	abort();
}

uint64_t identity_renew_at(uint64_t not_before, uint64_t not_after, unsigned percent, uint32_t seed)
{
	uint64_t life = not_after > not_before ? not_after - not_before : 0;
	uint64_t after = life / 100 * percent + life % 100 * percent / 100;
	uint64_t spread = (life - after) / 3;

	return not_before + after + (spread * (seed % 1024)) / 1024;
}
