/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everybody at the broker has a certificate of the gateway authority, and the broker takes its
 * common name for the user's name. The list of rights then pins each gateway to its own topics, and
 * to the direction in which the dialect has it write; that is what the cloud's trust in a topic
 * rests on. Credentials that are there are left alone, so that `init` can be run at any time.
 */
#include "tools/cloud/members.h"

#include <fcntl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/blob.h"
#include "lib/endpoint.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/broker-crl.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/home.h"
#include "tools/cloud/key.h"

#define CREDENTIAL_LIFETIME_S ((uint64_t)10 * 365 * 86400)
#define CLAIM_LINGERS_S       ((uint64_t)30 * 86400) /* so that who comes too late hears why */
#define PATH_MAX_HERE         256

/*
 * A pattern holds for whoever is not named below it, and for those who are; so the two that are no
 * gateways are denied what it would grant them.
 */
static const char rights[] =
	"# Made by gangway-cloud init. %u is the common name of a client's certificate.\n"
	"pattern readwrite gangway/v1/%u/status\n"
	"pattern write gangway/v1/%u/request\n"
	"pattern write gangway/v1/%u/answer\n"
	"pattern write gangway/v1/%u/event\n"
	"pattern read gangway/v1/%u/response\n"
	"pattern read gangway/v1/%u/command\n"
	"pattern write gangway/v1/provision/%u/+/request\n"
	"pattern read gangway/v1/provision/%u/+/response\n"
	"\n"
	"user " MEMBER_CLOUD "\n"
	"topic deny gangway/v1/" MEMBER_CLOUD "/#\n"
	"topic deny gangway/v1/" MEMBER_OBSERVER "/#\n"
	"topic read gangway/v1/provision/+/+/request\n"
	"topic write gangway/v1/provision/+/+/response\n"
	"topic read gangway/v1/+/status\n"
	"topic read gangway/v1/+/request\n"
	"topic read gangway/v1/+/answer\n"
	"topic read gangway/v1/+/event\n"
	"topic write gangway/v1/+/response\n"
	"topic write gangway/v1/+/command\n"
	"\n"
	"user " MEMBER_OBSERVER "\n"
	"topic deny gangway/v1/" MEMBER_OBSERVER "/#\n"
	"topic deny gangway/v1/provision/" MEMBER_OBSERVER "/#\n"
	"topic read gangway/v1/#\n";

bool member_gateway_is_valid(const char *id)
{
	return gw_gateway_id_is_valid(id) && !gw_streq(id, MEMBER_CLOUD) &&
	       !gw_streq(id, MEMBER_OBSERVER) && *id != '.';
}

/* Its name becomes that of a folder, too. */
bool member_claim_is_valid(const char *name)
{
	return gw_gateway_id_is_valid(name) && *name != '.' && strlen(name) <= MEMBER_CLAIM_MAX;
}

/* The files of one credential, in the folder's terms. */
struct credential {
	const char *certificate, *key;
	struct order order;
};

static bool is_there(const struct home *home, const char *path)
{
	return faccessat(home->fd, path, F_OK, 0) == 0;
}

static int credential_make(const struct home *home, const struct authority *authority,
			   const struct credential *credential)
{
	_cleanup_(certificate_freep) X509 *certificate = NULL;
	_cleanup_(key_freep) EVP_PKEY *key = NULL;
	struct order order = credential->order;
	int r;

	r = key_ensure(home->fd, credential->key, &key);
	if (r < 0)
		return r;

	order.key = key;
	if (!order.lifetime_s)
		order.lifetime_s = CREDENTIAL_LIFETIME_S;
	r = authority_issue(authority, &order, &certificate);
	if (r < 0)
		return r;
	return certificate_store(home->fd, credential->certificate, certificate);
}

static int credential_ensure(const struct home *home, const struct authority *authority,
			     const struct credential *credential)
{
	if (is_there(home, credential->certificate) && is_there(home, credential->key))
		return 0;
	return credential_make(home, authority, credential);
}

/* --- the broker ------------------------------------------------------------------------------ */

static bool names_host(const struct home *home, const char *path, const char *host)
{
	_cleanup_(certificate_freep) X509 *certificate = NULL;

	if (certificate_load(home->fd, path, &certificate) < 0)
		return false;
	return X509_check_ip_asc(certificate, host, 0) == 1 ||
	       X509_check_host(certificate, host, 0, 0, /* peername= */ NULL) == 1;
}

static int server_ensure(const struct home *home, const struct authority *authority,
			 const char *host)
{
	struct credential server = {
		.certificate = HOME_BROKER "/server.crt",
		.key = HOME_BROKER "/server.key",
		.order = { .profile = PROFILE_BROKER, .name = host, .host = host }
	};

	if (names_host(home, server.certificate, host))
		return credential_ensure(home, authority, &server);
	return credential_make(home, authority, &server);
}

static int write_text(const struct home *home, const char *path, const char *text)
{
	return gw_write_file(home->fd, path,
			     (struct gw_blob){ (const uint8_t *)text, strlen(text) }, 0600);
}

/* A broker on this machine listens to this machine alone. */
static int configuration_write(const struct home *home, const struct gw_endpoint *broker)
{
	bool is_local = gw_streq(broker->host, "localhost") ||
			gw_streq(broker->host, "127.0.0.1") || gw_streq(broker->host, "::1");
	_cleanup_free_ char *folder = realpath(home->path, /* resolved= */ NULL);
	_cleanup_free_ char *text = NULL;

	if (!folder)
		return -errno;

	if (asprintf(
		    &text,
		    "# Made by gangway-cloud init, and made again whenever it runs.\n"
		    "listener %u%s%s\n"
		    "cafile %s/" HOME_BROKER "/ca.crt\n"
		    "certfile %s/" HOME_BROKER "/server.crt\n"
		    "keyfile %s/" HOME_BROKER "/server.key\n"
		    "# Gateways that were revoked; to be read again: kill -HUP.\n"
		    "crlfile %s/" BROKER_CRL "\n"
		    "acl_file %s/" HOME_BROKER "/acl\n"
		    "require_certificate true\n"
		    "use_identity_as_username true\n"
		    "allow_anonymous false\n"
		    "# Small messages go back and forth: Nagle's algorithm would cost 45 ms each.\n"
		    "set_tcp_nodelay true\n"
		    "message_size_limit 65536\n",
		    (unsigned)broker->port, is_local ? " " : "", is_local ? broker->host : "",
		    folder, folder, folder, folder, folder) < 0)
		return -ENOMEM;
	return write_text(home, HOME_BROKER "/mosquitto.conf", text);
}

static int broker_ensure(const struct home *home, const struct authority *authority,
			 const struct gw_endpoint *broker, const char **ret_what)
{
	struct credential observer = { .certificate = HOME_BROKER "/observer.crt",
				       .key = HOME_BROKER "/observer.key",
				       .order = { .profile = PROFILE_MEMBER,
						  .name = MEMBER_OBSERVER } };
	int r;

	*ret_what = HOME_BROKER "/server.crt";
	r = server_ensure(home, authority, broker->host);
	if (r < 0)
		return r;

	*ret_what = HOME_BROKER "/observer.crt";
	r = credential_ensure(home, authority, &observer);
	if (r < 0)
		return r;

	*ret_what = HOME_BROKER "/ca.crt";
	r = certificate_store(home->fd, *ret_what, authority->certificate);
	if (r < 0)
		return r;

	*ret_what = MEMBER_BROKER_ANCHORS;
	r = is_there(home, MEMBER_BROKER_ANCHORS)
		    ? 0
		    : certificate_store(home->fd, *ret_what, authority->certificate);
	if (r < 0)
		return r;

	*ret_what = HOME_BROKER "/acl";
	r = write_text(home, *ret_what, rights);
	if (r < 0)
		return r;

	*ret_what = HOME_BROKER "/mosquitto.conf";
	return configuration_write(home, broker);
}

int members_ensure(const struct home *home, const struct gw_endpoint *broker, const char **ret_what)
{
	static const char *const folders[] = { HOME_BROKER, HOME_CLOUD, HOME_GATEWAYS };
	_cleanup_(authority_done) struct authority authority = { 0 };
	struct credential cloud = { .certificate = MEMBER_CLOUD_CERTIFICATE,
				    .key = MEMBER_CLOUD_KEY,
				    .order = { .profile = PROFILE_MEMBER, .name = MEMBER_CLOUD } };
	int r;

	for (size_t i = 0; i < GW_ELEMENTS(folders); i++) {
		*ret_what = folders[i];
		r = home_make_folder(home, folders[i]);
		if (r < 0)
			return r;
	}

	*ret_what = AUTHORITY_GATEWAY;
	r = authority_ensure(home, AUTHORITY_GATEWAY, &authority);
	if (r < 0)
		return r;

	*ret_what = cloud.certificate;
	r = credential_ensure(home, &authority, &cloud);
	if (r < 0)
		return r;
	return broker_ensure(home, &authority, broker, ret_what);
}

/* --- gateways -------------------------------------------------------------------------------- */

/* A folder to copy to a gateway: a certificate and a key of those names, and who the broker is. */
static int handout_ensure(const struct home *home, const char *folder, const char *prefix,
			  const struct order *order, const char **ret_what)
{
	_cleanup_(authority_done) struct authority authority = { 0 };
	char ca[PATH_MAX_HERE], cert[PATH_MAX_HERE], key[PATH_MAX_HERE];
	struct credential credential = { .certificate = cert, .key = key, .order = *order };
	int r;

	(void)snprintf(ca, sizeof(ca), "%s/cloud-ca", folder);
	(void)snprintf(cert, sizeof(cert), "%s/%s-cert", folder, prefix);
	(void)snprintf(key, sizeof(key), "%s/%s-key", folder, prefix);

	*ret_what = AUTHORITY_GATEWAY;
	r = authority_load(home, AUTHORITY_GATEWAY, &authority);
	if (r < 0)
		return r;

	*ret_what = order->name;
	r = home_make_folder(home, folder);
	if (r >= 0)
		r = certificate_store(home->fd, ca, authority.certificate);
	if (r >= 0)
		r = credential_ensure(home, &authority, &credential);
	return r;
}

int member_gateway_ensure(const struct home *home, const char *id, const char **ret_what)
{
	const struct order order = { .profile = PROFILE_MEMBER, .name = id };
	char folder[PATH_MAX_HERE];

	(void)snprintf(folder, sizeof(folder), HOME_GATEWAYS "/%s", id);
	return handout_ensure(home, folder, "cloud", &order, ret_what);
}

int member_claim_ensure(const struct home *home, const char *name, const char *folder,
			uint64_t expires, const char **ret_what)
{
	char common_name[sizeof(MEMBER_CLAIM) + MEMBER_CLAIM_MAX];
	struct order order = { .profile = PROFILE_MEMBER, .name = common_name };
	uint64_t now = (uint64_t)time(/* tloc= */ NULL);

	(void)snprintf(common_name, sizeof(common_name), MEMBER_CLAIM "%s", name);
	if (expires)
		order.lifetime_s = CLAIM_LINGERS_S + (expires > now ? expires - now : 0);
	return handout_ensure(home, folder, "cloud-claim", &order, ret_what);
}
