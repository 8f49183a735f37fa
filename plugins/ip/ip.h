/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip: the plugin's callbacks for lib/plugin.h. */
#pragma once

struct gw_plugin_info;

extern const struct gw_plugin_info ip_plugin_info;
