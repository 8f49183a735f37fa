/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way aboard as a question that is asked again after each step: what lies there, so what comes
 * next? A device that was killed asks the same question, so it goes on where it stopped; there is no
 * other record of how far it had come.
 *
 * A key that exists is used again, for the gateway answers the same key with the same certificate; a
 * stored certificate is proved and not asked for again. An unfinished renewal is finished even if none
 * is wanted now, since the gateway has revoked nothing yet and waits for it. A device that is
 * already aboard proves it again: that tells its owner that it still is.
 */
#include "tools/device/plan.h"

#include <stdlib.h>

static enum plan_step next_for_key(const struct plan_facts *facts)
{
	if (!facts->has_credential)
		return PLAN_ENROLL;
	return facts->has_anchors ? PLAN_RENEW : PLAN_NO_ANCHORS;
}

/* Anchors are stored before a certificate: one without them is a damaged folder. The secret still
 * gets both again, as long as the gateway lets it in. */
static enum plan_step next_for_certificate(const struct plan_facts *facts)
{
	if (facts->has_anchors)
		return PLAN_PROVE_CANDIDATE;
	return facts->has_credential ? PLAN_NO_ANCHORS : PLAN_ENROLL;
}

static enum plan_step next_for_nothing(const struct plan_facts *facts)
{
	if (!facts->has_credential)
		return PLAN_MAKE_KEY;
	if (!facts->has_anchors)
		return PLAN_NO_ANCHORS;
	return facts->renew ? PLAN_MAKE_KEY : PLAN_PROVE_CREDENTIAL;
}

enum plan_step plan_next(const struct plan_facts *facts)
{
	if (facts->proved)
		return PLAN_DONE;
	if (facts->renew && !facts->has_credential)
		return PLAN_NOTHING_TO_RENEW;

	switch (facts->candidate) {
	case PLAN_CREDENTIAL_NONE: return next_for_nothing(facts);
	case PLAN_CREDENTIAL_KEY: return next_for_key(facts);
	case PLAN_CREDENTIAL_CERTIFICATE: return next_for_certificate(facts);
	case _PLAN_CREDENTIAL_MAX: break;
	}
	abort();
}
