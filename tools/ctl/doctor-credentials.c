/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files by which the gateway goes to the cloud, as root sees them while the agent cannot tell: the broker's CA,
 * and one of three that gangway-mqtt(8) names in its order: the certificate that the gateway got by itself, one that
 * was given to it, a claim credential. Which key fits which certificate only the cloud link can tell.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "lib/base64.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/ctl/doctor.h"

#define CHECK    "credentials"
#define FILE_MAX 262144
#define RESTART  "then systemctl restart gangway-mqtt."

struct place {
	struct doctor *doctor;
	const char *folder;
	int folder_fd;
	size_t n_before; /* findings of others */
};

struct pair {
	const char *cert, *key;
};

static const struct pair given = { "cloud-cert", "cloud-key" },
			 claim = { "cloud-claim-cert", "cloud-claim-key" };

/* The first certificate of a PEM file. */
static int read_certificate(const char *pem, struct gw_x509 *ret)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static uint8_t der[FILE_MAX];
	static char line[FILE_MAX];
	const char *from = strstr(pem, begin), *to = from ? strstr(from, "-----END") : NULL;
	size_t len = 0, der_len;
	int r;

	if (!to)
		return -EBADMSG;
	for (from += strlen(begin); from < to; from++)
		if (*from > ' ')
			line[len++] = *from;
	r = gw_base64_decode(line, len, der, sizeof(der), &der_len);
	return r < 0 ? r : gw_x509_parse((struct gw_blob){ der, der_len }, ret);
}

static void judge_certificate(const struct place *place, const char *name, const char *pem)
{
	uint64_t now = (uint64_t)time(NULL);
	struct gw_x509 certificate;

	if (read_certificate(pem, &certificate) < 0)
		doctor_find(place->doctor, CHECK, DOCTOR_WRONG,
			    "Put the right file there (PEM), " RESTART,
			    "%s/%s holds no certificate.", place->folder, name);
	else if (now >= certificate.not_after)
		doctor_find(place->doctor, CHECK, DOCTOR_WRONG,
			    "If the clock is right (timedatectl), get a new one from the cloud's "
			    "operator.",
			    "The certificate in %s/%s has expired, by this machine's clock.",
			    place->folder, name);
	else if (now < certificate.not_before)
		doctor_find(place->doctor, CHECK, DOCTOR_WRONG, "Set the clock: see timedatectl.",
			    "The certificate in %s/%s is not good yet, by this machine's clock.",
			    place->folder, name);
}

static bool is_there(const struct place *place, const char *name)
{
	return faccessat(place->folder_fd, name, F_OK, 0) == 0;
}

static void look_at_file(const struct place *place, const char *name, bool is_certificate)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	int r = gw_read_file(place->folder_fd, name, FILE_MAX, &data, &len);

	if (r < 0)
		doctor_find(place->doctor, CHECK, DOCTOR_WRONG,
			    "Put it there, as the cloud's operator gave it (PEM), " RESTART,
			    "%s/%s cannot be read: %s.", place->folder, name, strerror(-r));
	else if (is_certificate)
		judge_certificate(place, name, (const char *)data);
	if (data)
		explicit_bzero(data, len);
}

/* One of the two is enough: who put it there wants to hear that the other one is missing. */
static bool look_at_pair(const struct place *place, const struct pair *pair)
{
	if (!is_there(place, pair->cert) && !is_there(place, pair->key))
		return false;
	look_at_file(place, pair->cert, /* is_certificate= */ true);
	look_at_file(place, pair->key, /* is_certificate= */ false);
	return true;
}

static void find_nothing_given(const struct place *place)
{
	doctor_find(
		place->doctor, CHECK, DOCTOR_WRONG,
		"Put the one or the other there, as the cloud's operator gave it (PEM), " RESTART,
		"The gateway has nothing to go to the cloud with: in %s there is neither a "
		"certificate for it (cloud-cert and cloud-key) nor a claim by which it gets one "
		"itself (cloud-claim-cert and cloud-claim-key).",
		place->folder);
}

static void look_inside(const struct place *place, bool has_own)
{
	const char *text = "A certificate for the gateway";

	look_at_file(place, "cloud-ca", /* is_certificate= */ true);
	if (has_own)
		text = "The gateway has a certificate of its own; the broker's CA";
	else if (!look_at_pair(place, &given) && look_at_pair(place, &claim))
		text = "A claim, by which the gateway gets a certificate of its own,";
	else if (!is_there(place, given.cert) && !is_there(place, given.key))
		find_nothing_given(place);
	if (json_array_size(place->doctor->findings) == place->n_before)
		doctor_find(place->doctor, CHECK, DOCTOR_OK, "", "%s is in %s, and its dates hold.",
			    text, place->folder);
}

/* gangway-mqtt keeps things in two files each, by turns; they are there, and blank, before anything is. */
static bool is_written(const char *own, int turn)
{
	_cleanup_close_ int fd = -1;
	char path[256], first = 0;

	(void)snprintf(path, sizeof(path), "%s.%d", own, turn);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &first, 1) == 1 && first;
}

void doctor_look_at_credentials(struct doctor *doctor, const char *folder, const char *own)
{
	_cleanup_close_ int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct place place = { doctor, folder, folder_fd, json_array_size(doctor->findings) };

	if (folder_fd < 0 && errno == EACCES)
		doctor_find(doctor, CHECK, DOCTOR_WARNING, "Run this as root.",
			    "Only root may look at the credentials in %s.", folder);
	else if (folder_fd < 0)
		doctor_find(doctor, CHECK, DOCTOR_WRONG,
			    "Make the folder, root's and of mode 0700, and put the gateway's "
			    "credentials there: see gangway-mqtt(8).",
			    "The folder %s cannot be opened: %s.", folder, strerror(errno));
	else
		look_inside(&place, is_written(own, 0) || is_written(own, 1));
}
