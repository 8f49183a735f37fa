/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request, one answer, kept in the registry beside what it did, so that the same request is
 * answered the same however often it comes. What the answer is, the files request-*.c say. Who asks
 * is what the broker vouches for, never what a body says. Only what is final is kept: a request
 * that was put off is judged anew.
 */
#include "tools/cloud/desk.h"

#include <stdio.h>

#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/body.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/request.h"

static void signer_done(struct signer *signer)
{
	if (signer->authority)
		authority_done(signer->authority);
	free(signer->authority);
	free(signer->anchor);
}

static int signer_load(const struct home *home, const char *name, struct signer *signer)
{
	int r;

	signer->authority = calloc(1, sizeof(*signer->authority));
	if (!signer->authority)
		return -ENOMEM;

	r = authority_load(home, name, signer->authority);
	if (r < 0)
		return r;
	return certificate_encode(signer->authority->certificate, &signer->anchor,
				  &signer->anchor_len);
}

struct desk *desk_free(struct desk *desk)
{
	if (!desk)
		return NULL;

	signer_done(&desk->device);
	signer_done(&desk->registrar);
	signer_done(&desk->gateway);
	free(desk);
	return NULL;
}

void desk_freep(struct desk **desk)
{
	(void)desk_free(*desk);
}

int desk_new(const struct home *home, struct registry *registry,
	     const struct desk_lifetimes *lifetimes, struct desk **ret, const char **ret_what)
{
	_cleanup_(desk_freep) struct desk *desk = calloc(1, sizeof(*desk));
	int r;

	*ret_what = AUTHORITY_DEVICE;
	if (!desk)
		return -ENOMEM;

	desk->home = home;
	desk->registry = registry;
	desk->lifetime_s = lifetimes->device;
	desk->gateway_lifetime_s = lifetimes->gateway;
	r = signer_load(home, AUTHORITY_DEVICE, &desk->device);
	if (r < 0)
		return r;

	*ret_what = AUTHORITY_REGISTRAR;
	r = signer_load(home, AUTHORITY_REGISTRAR, &desk->registrar);
	if (r < 0)
		return r;

	*ret_what = AUTHORITY_GATEWAY;
	r = signer_load(home, AUTHORITY_GATEWAY, &desk->gateway);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(desk);
	return 0;
}

/* Every answer tells the time; this one nothing else. */
static int request_time(struct desk *desk, const char *gateway, const struct request *request,
			struct reply *reply)
{
	return request_say(reply, body_done(request->id), /* is_final= */ false);
}

static int (*const handlers[_REQUEST_KIND_MAX])(struct desk *, const char *, const struct request *,
						struct reply *) = {
	[REQUEST_ENROLL] = request_enroll,
	[REQUEST_PROVED] = request_proved,
	[REQUEST_REVOKED] = request_revoked,
	[REQUEST_SERVER_CERT] = request_server_cert,
	[REQUEST_TIME] = request_time,
	[REQUEST_PROVISION] = request_provision,
	[REQUEST_PROVISIONED] = request_provisioned,
	[REQUEST_SUSPENDED] = request_suspended,
	[REQUEST_RESUMED] = request_resumed,
	[REQUEST_RENEW] = request_renew,
};

/*
 * What makes a request the same: all but the bytes of the CSR, since a key may sign again. No
 * member can hold a space.
 */
static char *about_of(const struct request *request)
{
	char *about;

	if (asprintf(&about, "%s %s %s %s %s %s %s", body_request_name(request->kind),
		     request->device, request->tenant, request->claim, request->key,
		     request->serial, request->of) < 0)
		return NULL;
	return about;
}

static int answer_again(const struct request *request, const char *about, const char *was_about,
			char *body, struct reply *reply)
{
	if (!*was_about || gw_streq(about, was_about))
		return request_say(reply, body, /* is_final= */ false); /* it is kept already */

	free(body);
	return request_say(reply,
			   body_refused(request->id, /* final= */ true,
					gw_reason_code(GW_REASON_BAD_MESSAGE),
					"This id was used for another request before."),
			   /* is_final= */ false);
}

static int answer(struct desk *desk, const char *gateway, const struct request *request,
		  struct reply *reply)
{
	_cleanup_free_ char *about = about_of(request), *was_about = NULL;
	char *body;
	int r;

	if (!about)
		return -ENOMEM;

	r = registry_answer_get(desk->registry, gateway, request->id, &was_about, &body);
	if (r >= 0)
		return answer_again(request, about, was_about, body, reply);
	if (r != -ENOENT)
		return r;

	r = handlers[request->kind](desk, gateway, request, reply);
	if (r < 0 || !reply->is_final)
		return r;
	return registry_answer_add(desk->registry, gateway, request->id, about, reply->body);
}

/* What a broker does not know: it lets in who holds a certificate of the authority. */
static int answer_barred(const char *gateway, const struct request *request, struct reply *reply)
{
	gw_log(WARNING, "request %s of %s, which is revoked", request->id, gateway);
	return request_say(reply,
			   body_refused(request->id, /* final= */ false,
					gw_reason_code(GW_REASON_NOT_ALLOWED),
					"This gateway is revoked."),
			   /* is_final= */ false);
}

/* A credential without a row: the registry is older than it, or the gateway was taken off. */
static int answer_stranger(const char *gateway, const struct request *request, struct reply *reply)
{
	gw_log(WARNING, "request %s of %s, which is not on record; run init --gateway %s",
	       request->id, gateway, gateway);
	return request_say(reply,
			   body_refused(request->id, /* final= */ false,
					gw_reason_code(GW_REASON_NOT_ALLOWED),
					"This gateway is not on record."),
			   /* is_final= */ false);
}

static int hand_out(struct reply *reply, int r, char **ret_answer, const char **ret_step)
{
	if (r < 0) {
		free(reply->body);
		return r;
	}

	*ret_answer = reply->body;
	*ret_step = reply->step;
	return 0;
}

int desk_answer(struct desk *desk, const char *gateway, const struct request *request,
		char **ret_answer, const char **ret_step)
{
	char reason[REGISTRY_ID_MAX + 1];
	struct reply reply = { 0 };
	bool known;
	int r;

	r = registry_gateway_is_known(desk->registry, gateway, &known);
	if (r >= 0)
		r = registry_gateway_is_barred(desk->registry, gateway, reason, sizeof(reason));
	if (r > 0)
		r = answer_barred(gateway, request, &reply);
	else if (r >= 0)
		r = known ? answer(desk, gateway, request, &reply)
			  : answer_stranger(gateway, request, &reply);
	return hand_out(&reply, r, ret_answer, ret_step);
}

int desk_answer_claim(struct desk *desk, const char *claim, const char *gateway,
		      const struct request *request, char **ret_answer, const char **ret_step)
{
	struct reply reply = { 0 };
	int r;

	if (request->kind == REQUEST_PROVISION)
		r = request_provision_by(desk, claim, gateway, request, &reply);
	else
		r = request_refuse(&reply, request, GW_REASON_BAD_MESSAGE, /* text= */ NULL);
	return hand_out(&reply, r, ret_answer, ret_step);
}
