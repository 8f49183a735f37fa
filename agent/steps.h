/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps: the agent's durable steps by name (lib/step.h). Each is a commit of a turn in which the thing
 * named happened.
 */
#pragma once

#define STEP_CLAIM    "agent.claim"    /* a claim is on record */
#define STEP_WITHDRAW "agent.withdraw" /* a claim is taken back */
#define STEP_SECRET   "agent.secret"   /* a secret was given to the registrar */
#define STEP_CSR      "agent.csr"      /* a CSR was accepted, its job is on disk */
#define STEP_ANSWER   "agent.answer"   /* the cloud's certificate is on disk, to be checked */
#define STEP_REFUSED  "agent.refused"  /* the cloud's final no is on record */
#define STEP_ISSUED   "agent.issued"   /* the certificate is checked and on record */
#define STEP_PROVED   "agent.proved" /* the device came back with it: claim burned, old one retired */
#define STEP_TOLD     "agent.told"   /* the cloud knows that it is proved, or revoked */
#define STEP_RENEWAL  "agent.renewal" /* what a person decided about a renewal */
#define STEP_OPERATE  "agent.operate" /* a device was suspended, resumed, revoked or rejected */
#define STEP_NOTICE   "agent.notice"  /* a device was told that it left, or never will be */
#define STEP_WIPED    "agent.wiped"   /* it has confirmed it */
#define STEP_RESET    "agent.reset"   /* all devices are forgotten */
#define STEP_ADOPT    "agent.adopt"   /* the cloud is asked about a device from elsewhere */
#define STEP_ADOPTED  "agent.adopted" /* it is aboard */
#define STEP_COMMAND  "agent.command" /* a command of the cloud was carried out */
#define STEP_ANCHORS  "agent.anchors" /* new trust anchors are on record */
#define STEP_CRL      "agent.crl"     /* a revocation list is on record, and what it revokes is */
#define STEP_EXPORT   "agent.export"  /* what the cloud has of the record is noted */
#define STEP_PRUNE    "agent.prune"   /* old records are gone */

#define STEPS_ALL                                                                                 \
	STEP_CLAIM, STEP_WITHDRAW, STEP_SECRET, STEP_CSR, STEP_ANSWER, STEP_REFUSED, STEP_ISSUED, \
		STEP_PROVED, STEP_TOLD, STEP_RENEWAL, STEP_OPERATE, STEP_NOTICE, STEP_WIPED,      \
		STEP_RESET, STEP_ADOPT, STEP_ADOPTED, STEP_COMMAND, STEP_ANCHORS, STEP_CRL,       \
		STEP_EXPORT, STEP_PRUNE
