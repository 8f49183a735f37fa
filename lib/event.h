/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event: what happens that an operator would search the journal for, or act upon. Each has a name, and
 * the journal's MESSAGE_ID by which etc/gangway.catalog explains it; a line with an event in its tags
 * (lib/log.h) carries both. An id is made once, by `systemd-id128 new`, and never changes its meaning.
 *
 * X(NAME, name, id, most): at most so many lines of it a minute, 0 = all. It is set where strangers, or
 * a program that goes round in circles, can cause lines.
 */
#pragma once

/* clang-format off */
#define GW_EVENTS(X)                                                                        \
	/* devices: one for each state that one can come into */                            \
	X(DEVICE_DISCOVERED, "device-discovered", "d5fca1b771ea4f23af6a7193cc20dad1", 60)   \
	X(DEVICE_CLAIMED, "device-claimed", "2fb3feace3c844feb9f7a866f0e38a16", 0)          \
	X(DEVICE_ENROLLING, "device-enrolling", "ebd1312525a34d0aa37f4424592529c5", 0)      \
	X(DEVICE_ISSUED, "device-issued", "c660215698be451bb9a6be6b917e4cb8", 0)            \
	X(DEVICE_ONBOARDED, "device-onboarded", "5c761949e28045fabd49b6b369227759", 0)      \
	X(DEVICE_SUSPENDED, "device-suspended", "e6ff2646cf684090985452fe3e876774", 0)      \
	X(DEVICE_REVOKED, "device-revoked", "20972e0b314344e5a46a0b41af4b1b77", 0)          \
	X(DEVICE_DECOMMISSIONED, "device-decommissioned", "fa8c42d95f4d4cabb2390eca2c7c9b85", 0) \
	X(DEVICE_REJECTED, "device-rejected", "af3348a02cc34ed89ded618c45649d6a", 0)        \
	X(DEVICE_FORGOTTEN, "device-forgotten", "352d1e11e71d43559d659f0ed6b916ba", 60)     \
	/* devices: how they stay aboard */                                                 \
	X(DEVICE_RENEWED, "device-renewed", "49b4996c385d40c1bb4324fa6472903a", 0)          \
	X(DEVICE_NEEDS_APPROVAL, "device-needs-approval", "abc9d20b5bf6426aad0e2e99ad91e82f", 60) \
	/* devices: what they, or others in their name, ask for in vain */                  \
	X(DEVICE_REFUSED, "device-refused", "dfae8ecb0bb148dd9217456764b10ef0", 60)         \
	X(REQUEST_REFUSED, "request-refused", "0473b9765ad74c6790761d0bb848af47", 60)       \
	X(DEVICE_REPORTS_FAILURE, "device-reports-failure", "287fa94757ef4d7ca74453ecaf0a48e3", 60) \
	X(DISCOVERED_FULL, "discovered-full", "250e7fe47bb040469072e7cf1a2dc072", 6)        \
	X(LABEL_WEAK, "label-weak", "380cec9f42c8493484e7c70b7f12e142", 60)                 \
	/* the cloud */                                                                     \
	X(CLOUD_UNPROVISIONED, "cloud-unprovisioned", "2807ea62bf394cf8ab2a529fb9af6d1a", 20) \
	X(CLOUD_CONNECTING, "cloud-connecting", "61a4df3dd60e4a5ca469da7eae460fdd", 20)     \
	X(CLOUD_OFFLINE, "cloud-offline", "f3f86c839ae3478b82b4116a7867c9e8", 20)           \
	X(CLOUD_SILENT, "cloud-silent", "2409636275974adab0088b56c223e324", 20)             \
	X(CLOUD_ONLINE, "cloud-online", "1a8950ca7f1d49beb4506e79598937db", 20)             \
	X(CLOUD_REFUSED, "cloud-refused", "64302528c7f44eea8ad9b1b8dba17bf5", 60)           \
	X(CLOUD_GARBAGE, "cloud-garbage", "594037835564448587f848e858f6161d", 6)            \
	X(CERTIFICATE_BAD, "certificate-bad", "02483c0b5ed447f0bde07c84b3faa639", 60)       \
	X(REVOCATION_LIST_TAKEN, "revocation-list-taken", "ed4b0b8ba6fd413bbeb2a85fa8a901cb", 20) \
	X(REVOCATION_LIST_REFUSED, "revocation-list-refused", "2fb3b92649014f5c896aab6bca1bee56", 20) \
	X(REVOCATION_LIST_STALE, "revocation-list-stale", "eee14ef05de742afa6dfffc46b0d4e94", 20) \
	X(CREDENTIAL_EXPIRING, "credential-expiring", "abc79290a1fe420eb6b8e685b61adb86", 6) \
	X(CREDENTIAL_EXPIRED, "credential-expired", "b304b3f01df648b8ae34ea75fcad3c75", 6)  \
	X(CREDENTIAL_DUE, "credential-due", "3daf491474a149a8814efecea6b867c1", 6)          \
	X(CREDENTIAL_RENEWED, "credential-renewed", "3ad3ac43f1994b70a5fe1e681be72982", 6)  \
	X(CREDENTIAL_FORGOTTEN, "credential-forgotten", "7b55806928e3415ba308288073ba5f13", 6) \
	X(CREDENTIAL_TROUBLE, "credential-trouble", "6b4945fbd0b34afc8bcecb9732e3b82a", 20) \
	/* plugins and the link */                                                          \
	X(PLUGIN_CONNECTED, "plugin-connected", "0a5dc8690e194e75a36078c2cea74707", 60)     \
	X(PLUGIN_GONE, "plugin-gone", "0507710ffbd8430ca8399ffad1ea1d0d", 60)               \
	X(PLUGIN_REFUSED, "plugin-refused", "09137b7a6b6c413d8a71dc9fcde85d33", 60)         \
	X(PLUGIN_UNWELL, "plugin-unwell", "b5d1607f1d534f9fb83fc6a9d77250a0", 60)           \
	X(PLUGIN_WELL, "plugin-well", "fd681ad25e474312800bd7925255b71f", 60)               \
	X(SECRET_UNACCOUNTED, "secret-unaccounted", "ff75ee521f73415a92ec10caeeaeb74a", 6)  \
	/* the gateway itself */                                                            \
	X(AGENT_STARTED, "agent-started", "cf903210cdcc4e298494d03c931984ad", 0)            \
	X(AGENT_STOPPED, "agent-stopped", "db68b6585c2c460a9863d69b9b6233f9", 0)            \
	X(AGENT_UNCONFIGURED, "agent-unconfigured", "c70d59028a6c4630a4175dceb34736a2", 0)  \
	X(START_FAILED, "start-failed", "9b2014f3e51541a5b3f786774e466ec8", 0)              \
	X(CONFIGURATION_REFUSED, "configuration-refused", "ef3c8d03f69446129f377caa0c57a275", 20) \
	X(CONFIGURATION_TAKEN, "configuration-taken", "5d249cf063e8457fa5a09665500ebd61", 20) \
	X(FACTORY_RESET, "factory-reset", "d20212c10b11479f9e67fd2c3d27b6ea", 0)            \
	X(STORE_TROUBLE, "store-trouble", "938c65a8b4c84067ab4d690796f7132e", 20)           \
	X(STORE_WELL, "store-well", "df830a56e34c49cc8baabbed3e8330d8", 20)                 \
	X(RECORD_LOST, "record-lost", "45e51218713c4e35b16cbb9f52bf2dce", 6)                \
	X(RECORD_SET_BACK, "record-set-back", "833f7a8932ee410a8e3e26ecfa1299bc", 6)        \
	X(RECORD_SUMMARISED, "record-summarised", "90feaae7efa041c7a11b0e4897b2aef3", 6)    \
	X(RECORD_BROKEN, "record-broken", "db8f997b3042413dabb433336e96d9d8", 6)            \
	X(CLOCK_TRUSTED, "clock-trusted", "e3778a6cc86a4027801df0faeca70736", 20)           \
	X(CLOCK_UNTRUSTED, "clock-untrusted", "3799717b171e44298bd2e866d1caa90f", 20)       \
	X(BUS_JOINED, "bus-joined", "3eb64b94d50c416e89aff99e1c532cf5", 20)                 \
	X(BUS_LOST, "bus-lost", "b93c591d39f64f49b90c2153e0c24054", 20)                     \
	X(BUS_REFUSED, "bus-refused", "4ffec69a3fe4488ba27be14ce9ba1e29", 20)               \
	X(ACCESS_DENIED, "access-denied", "aa7d536a11fc4c2aae774aa0609553da", 60)           \
	X(POLKIT_TROUBLE, "polkit-trouble", "05c79036312e4b589e54f68960c5c52b", 20)         \
	X(POLKIT_WELL, "polkit-well", "efc60bcf44ad47798c0b1a8d52d8f8c7", 20)

/* clang-format on */

enum gw_event {
	GW_EVENT_NONE,
#define X(NAME, name, id, most) GW_EVENT_##NAME,
	GW_EVENTS(X)
#undef X
		_GW_EVENT_MAX,
};

struct gw_event_info {
	const char *name, *id; /* both empty for GW_EVENT_NONE */
	unsigned most_a_minute;
};

const struct gw_event_info *gw_event_info(enum gw_event event);
