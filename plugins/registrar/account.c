/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every message about a session leaves here, so that here can be seen what the agent knows of it. */
#include "plugins/registrar/account.h"

#include "plugins/registrar/leaf.h"
#include "plugins/registrar/path.h"

void account_init(struct account *a, uint64_t session, const struct path *path,
		  void (*tell)(void *userdata, const struct gw_msg *msg), void *userdata)
{
	*a = (struct account){
		.tell = tell,
		.userdata = userdata,
		.session = session,
		.channel = path->channel,
	};
	path_print(path, a->address, sizeof(a->address));
}

void account_ask(struct account *a, const char *identity)
{
	const struct gw_msg msg = {
		.type = GW_MSG_SECRET_QUERY,
		.secret_query = { .session = a->session,
				  .channel = a->channel,
				  .identity = identity,
				  .address = a->address },
	};

	a->state = ACCOUNT_ASKED;
	a->tell(a->userdata, &msg);
}

void account_report(struct account *a, const char *identity, const char *suite,
		    const struct leaf *leaf)
{
	struct gw_msg msg = {
		.type = GW_MSG_PEER,
		.peer = { .session = a->session,
			  .channel = a->channel,
			  .proof = leaf ? GW_PROOF_CERTIFICATE : GW_PROOF_PSK,
			  .identity = identity,
			  .address = a->address,
			  .suite = suite },
	};

	if (leaf) {
		msg.peer.serial = (struct gw_blob){ leaf->serial, leaf->serial_len };
		msg.peer.fingerprint = GW_BLOB_ARRAY(leaf->fingerprint);
		msg.peer.key = GW_BLOB_ARRAY(leaf->key);
		msg.peer.issuer = GW_BLOB_ARRAY(leaf->issuer);
	}
	a->state = ACCOUNT_REPORTED;
	a->tell(a->userdata, &msg);
}

void account_pass(struct account *a, const struct gw_msg *request)
{
	struct gw_msg msg = *request;

	if (msg.type == GW_MSG_ENROLL)
		msg.enroll.session = a->session;
	else if (msg.type == GW_MSG_SETTINGS_QUERY)
		msg.settings_query.session = a->session;
	else if (msg.type == GW_MSG_REPORT)
		msg.report.session = a->session;
	else if (msg.type == GW_MSG_WIPED)
		msg.wiped.session = a->session;
	else
		msg.rejected.session = a->session;
	a->tell(a->userdata, &msg);
}

void account_close(struct account *a, enum gw_reason reason)
{
	const char *code = gw_reason_code(reason);
	const struct gw_msg failed = { .type = GW_MSG_FAILED,
				       .failed = { .session = a->session, .reason = code } };
	const struct gw_msg end = { .type = GW_MSG_SESSION_END,
				    .session_end = { .session = a->session, .reason = code } };

	if (a->state == ACCOUNT_ASKED)
		a->tell(a->userdata, &failed);
	else if (a->state == ACCOUNT_REPORTED)
		a->tell(a->userdata, &end);
	a->state = ACCOUNT_CLOSED;
}

void account_cancel(struct account *a)
{
	a->state = ACCOUNT_CLOSED;
}
