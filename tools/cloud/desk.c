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
#include "tools/cloud/bundle.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/home.h"
#include "tools/cloud/members.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/request.h"
#include "tools/cloud/roll.h"

static void signer_done(struct signer *signer)
{
	if (signer->authority)
		authority_done(signer->authority);
	free(signer->authority);
	for (size_t i = 0; i < signer->n_anchors; i++)
		free((void *)(uintptr_t)signer->anchors[i].data);
	*signer = (struct signer){ 0 };
}

static int add_anchor(const struct home *home, const char *name, struct signer *signer)
{
	_cleanup_(certificate_freep) X509 *certificate = NULL;
	char file[ROLL_NAME_MAX + sizeof(".crt")];
	uint8_t *der;
	size_t len;
	int r;

	(void)snprintf(file, sizeof(file), "%s.crt", name);
	r = certificate_load(home->fd, file, &certificate);
	if (r >= 0)
		r = certificate_encode(certificate, &der, &len);
	if (r < 0)
		return r;
	signer->anchors[signer->n_anchors++] = (struct gw_blob){ der, len };
	return 0;
}

static int signer_load(const struct home *home, const char *base, const struct roll *roll,
		       struct signer *signer)
{
	_Static_assert((int)SIGNER_ANCHORS_MAX == (int)ROLL_ANCHORS_MAX, "all of them");
	unsigned numbers[ROLL_ANCHORS_MAX];
	size_t n = roll_anchors(roll, numbers);
	char name[ROLL_NAME_MAX];
	int r;

	signer->number = roll->number;
	signer->authority = calloc(1, sizeof(*signer->authority));
	if (!signer->authority)
		return -ENOMEM;

	roll_name(base, roll->number, name);
	r = authority_load(home, name, signer->authority);
	for (size_t i = 0; i < n && r >= 0; i++) {
		roll_name(base, numbers[i], name);
		r = add_anchor(home, name, signer);
	}
	return r;
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

int desk_reload(struct desk *desk, const char **ret_what)
{
	struct signer device = { 0 }, registrar = { 0 };
	struct roll roll;
	int r;

	*ret_what = HOME_REGISTRY;
	r = roll_read(desk->registry, &roll);
	if (r < 0)
		return r;

	*ret_what = AUTHORITY_DEVICE;
	r = signer_load(desk->home, AUTHORITY_DEVICE, &roll, &device);
	if (r >= 0) {
		*ret_what = AUTHORITY_REGISTRAR;
		r = signer_load(desk->home, AUTHORITY_REGISTRAR, &roll, &registrar);
	}
	if (r < 0) {
		signer_done(&device);
		signer_done(&registrar);
		return r;
	}

	signer_done(&desk->device);
	signer_done(&desk->registrar);
	desk->device = device;
	desk->registrar = registrar;
	return 0;
}

void desk_anchors(const struct desk *desk, struct body_anchors *ret)
{
	*ret = (struct body_anchors){ .device = desk->device.anchors,
				      .registrar = desk->registrar.anchors,
				      .n = desk->device.n_anchors };
}

int desk_broker_anchors(const struct desk *desk, struct bundle *ret)
{
	ret->n = 0;
	return bundle_load(desk->home->fd, MEMBER_BROKER_ANCHORS, ret);
}

int desk_new(const struct home *home, struct registry *registry,
	     const struct desk_lifetimes *lifetimes, struct desk **ret, const char **ret_what)
{
	_cleanup_(desk_freep) struct desk *desk = calloc(1, sizeof(*desk));
	const struct roll never = { .number = 1 }; /* gateways learn its anchors another way */
	int r;

	*ret_what = AUTHORITY_GATEWAY;
	if (!desk)
		return -ENOMEM;

	desk->home = home;
	desk->registry = registry;
	desk->lifetime_s = lifetimes->device;
	desk->gateway_lifetime_s = lifetimes->gateway;
	r = signer_load(home, AUTHORITY_GATEWAY, &never, &desk->gateway);
	if (r >= 0)
		r = roll_tidy(home, registry);
	if (r >= 0)
		r = desk_reload(desk, ret_what);
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
	[REQUEST_DECOMMISSIONED] = request_decommissioned,
	[REQUEST_ADOPT] = request_adopt,
	[REQUEST_RELINQUISHED] = request_relinquished,
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
