/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gangway-ip: the transport of IP devices. */
#include "plugins/ip/ip.h"

#include "lib/plugin.h"

int main(int argc, char **argv)
{
	return gw_plugin_main(argc, argv, &ip_plugin_info);
}
