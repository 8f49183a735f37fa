# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus bus of a test's own, on a socket in its own folder."""
import os
import pathlib
import subprocess
import tempfile

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={folder}/socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


class Bus:
    """A running dbus-daemon: anybody who can reach it may own and say anything."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="gangway-bus-")
        configuration = pathlib.Path(self._folder.name) / "bus.conf"
        configuration.write_text(CONFIGURATION.format(folder=self._folder.name))
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile", "--print-address"],
            stdout=subprocess.PIPE, text=True)
        self.address = self._process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError("dbus-daemon does not start")

    def environment(self):
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address}

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process.stdout.close()
            self._folder.cleanup()
            self._process = None
