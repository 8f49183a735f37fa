# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of gangway-registrar share: a set of a pretended agent and the real program, and real
clients (openssl s_client, coap-client) to knock at it."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import door_agent
import patience

PROGRAM = pathlib.Path(os.environ.get("top_builddir", "build")) / "plugins/registrar/gangway-registrar"

KEY = "0123456789abcdef"  # coap-client takes keys as text only
SECRETS = {"ACME-1": KEY.encode(), "ACME-2": b"another secret of it"}

COAP_CLIENTS = ("coap-client-openssl", "coap-client-gnutls")


class RegistrarCase(unittest.TestCase):
    """Each test has a registrar of its own; `settings` are its section of the configuration."""

    settings = ""
    with_certificates = False
    family = socket.AF_INET

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        authority = door_agent.Authority(self.folder, "authority") if self.with_certificates else None
        self.agent = door_agent.DoorAgent(self.folder, self.settings, dict(SECRETS), authority,
                                          self.family)
        self.program = None
        self.log = []
        self.logged = threading.Condition()

    def begin(self):
        """Starts agent and registrar, and returns once devices are served."""
        self.agent.start()
        self.addCleanup(self.agent.stop)
        self.program = subprocess.Popen(
            [str(PROGRAM), "--link", self.agent.path],
            stderr=subprocess.PIPE, env=dict(os.environ, GANGWAY_LOG="debug"))
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        self.addCleanup(self.end)
        self.agent.wait("hello")
        if self.with_certificates:
            self.agent.wait("health", ok=1)
        return self

    def end(self):
        """Ends the registrar, which must go in peace: no crash, no leak, no word of a sanitizer."""
        self.program.terminate()
        status = self.program.wait()
        self.reader.join()
        self.program.stderr.close()
        text = "".join(self.log)
        self.assertEqual(status, 0, text)
        for identity, secret in self.agent.secrets.items():
            self.assertNotIn(secret.hex(), text)
            self.assertNotIn(secret.decode(errors="replace"), text)

    def _read_log(self):
        for line in self.program.stderr:
            with self.logged:
                self.log.append(line.decode(errors="replace"))
                self.logged.notify_all()

    def wait_for_log(self, text, count=1, timeout=patience.NEVER_S):
        """Until so many lines hold the text."""
        with self.logged:
            found = self.logged.wait_for(lambda: sum(text in line for line in self.log) >= count, timeout)
        self.assertTrue(found, f"'{text}' is not {count} times in {self.log}")

    def port(self):
        return self.agent.port

    # --- clients ---

    def s_client(self, *arguments, port=None, wait=True, data=b"", timeout=patience.NEVER_S):
        """openssl s_client; with `wait` until it ends by itself, else the running process. Of itself OpenSSL 3.2
        offers no CCM_8 any more."""
        arguments = [f"{argument}:@SECLEVEL=0" if before == "-cipher" else argument
                     for before, argument in zip(("", *arguments), arguments)]
        command = ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port or self.port()}",
                   *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        if not wait:
            return process
        try:
            return process.communicate(data, timeout)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0].decode(errors="replace")

    def psk(self, identity="ACME-1", key=None, cipher=None):
        key = key or self.agent.secrets.get(identity, b"nobody knows it!").hex()
        return ["-psk_identity", identity, "-psk", key] + (["-cipher", cipher] if cipher else [])

    def coap(self, client, path, *arguments, port=None, host="127.0.0.1"):
        command = [client, "-u", "ACME-1", "-k", KEY, *arguments,
                   f"coaps://{host}:{port or self.port()}/{path}"]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=2 * patience.NEVER_S, check=False).stdout.decode(errors="replace")


def main():
    missing = [client for client in COAP_CLIENTS if not shutil.which(client)]
    if missing:
        print(f"SKIP: {' and '.join(missing)} not found: install libcoap3-bin")
        raise SystemExit(77)
    unittest.main()
