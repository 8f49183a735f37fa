# SPDX-License-Identifier: GPL-2.0-or-later
"""A private bus that behaves as the system's does: nothing is allowed but by policy.

It reads the policy file that the package installs. As gangwayd runs in a lab as whoever calls, that user
may own its name too.
"""
import os
import pwd
import urllib.parse
from xml.sax.saxutils import escape, quoteattr

CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy user="root">
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Monitoring"/>
  </policy>
  <include>{policy}</include>
{more}</busconfig>
"""

OWNER = """\
  <policy user={user}>
    <allow own="org.gangway1"/>
    <allow send_destination="org.gangway1"/>
    <allow receive_sender="org.gangway1"/>
    <!-- Where a test plays it. -->
    <allow own="org.freedesktop.timedate1"/>
    <allow send_destination="org.freedesktop.timedate1"/>
  </policy>
"""


def address(socket):
    return "unix:path=" + urllib.parse.quote(str(socket))


def config(socket, policy, more=""):
    """policy: the file that the package installs; more: elements of a bus configuration."""
    return CONFIG.format(address=escape(address(socket)), policy=escape(str(policy)), more=more)


def write_config(path, socket, policy):
    user = pwd.getpwuid(os.getuid()).pw_name
    path.write_text(config(socket, policy, OWNER.format(user=quoteattr(user))))
