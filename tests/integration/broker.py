# SPDX-License-Identifier: GPL-2.0-or-later
"""A private mosquitto on loopback that demands client certificates and pins each name to its topics, and
the keys and certificates that everybody needs for that."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import patience

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import ports  # noqa: E402

CONFIG = """\
per_listener_settings false
listener {port} 127.0.0.1
cafile {pki}/ca.crt
certfile {pki}/broker.crt
keyfile {pki}/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
set_tcp_nodelay true
max_queued_messages 10000
message_size_limit 131072
acl_file {folder}/acl
persistence true
persistence_location {folder}/
log_dest file {folder}/log
log_type all
connection_messages true
"""

ACL = """\
pattern readwrite gangway/v1/%u/#
user cloud
topic readwrite gangway/v1/#
"""


class Pki:
    """Keys and certificates by openssl, EC P-256: NAME.key, NAME.crt in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, name):
        return str(self.folder / name)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def key(self, name):
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-out", self.path(f"{name}.key"))

    def authority(self, name):
        self.key(name)
        self._openssl("req", "-x509", "-new", "-key", self.path(f"{name}.key"), "-days", "30",
                      "-subj", f"/CN=Test {name}", "-addext", "basicConstraints=critical,CA:TRUE",
                      "-addext", "keyUsage=keyCertSign,cRLSign", "-out", self.path(f"{name}.crt"))

    def leaf(self, name, common_name=None, authority="ca", names=None, start=None):
        usage = "serverAuth" if names else "clientAuth"
        extensions = f"extendedKeyUsage={usage}\n" + (f"subjectAltName={names}\n" if names else "")
        pathlib.Path(self.path(f"{name}.ext")).write_text(extensions)
        self.key(name)
        self._openssl("req", "-new", "-key", self.path(f"{name}.key"),
                      "-subj", f"/CN={common_name or name}", "-out", self.path(f"{name}.csr"))
        if start:
            self._sign_from(start, name, authority)
            return
        self._openssl("x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path(f"{authority}.crt"),
                      "-CAkey", self.path(f"{authority}.key"), "-CAcreateserial", "-days", "30",
                      "-extfile", self.path(f"{name}.ext"), "-out", self.path(f"{name}.crt"))

    def _sign_from(self, start, name, authority):
        """A certificate that begins to hold at `start` (YYYYMMDDHHMMSSZ)."""
        config = self.folder / "ca.conf"
        config.write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={self.folder}/index\nnew_certs_dir={self.folder}\n"
                          "default_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n")
        (self.folder / "index").write_text("")
        self._openssl("ca", "-batch", "-notext", "-config", str(config), "-startdate", start, "-enddate",
                      "20990101000000Z", "-in", self.path(f"{name}.csr"), "-out", self.path(f"{name}.crt"),
                      "-cert", self.path(f"{authority}.crt"), "-keyfile", self.path(f"{authority}.key"),
                      "-extfile", self.path(f"{name}.ext"))


class Mosquitto:
    environment = {}

    def __init__(self, folder, pki, port=None, acl=ACL):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or ports.take_one()
        self.process = None
        config = CONFIG.format(port=self.port, pki=pki.folder, folder=self.folder)
        if os.geteuid() == 0:
            config += "user root\n"
        (self.folder / "conf").write_text(config)
        acl_file = self.folder / "acl"
        acl_file.write_text(acl)
        acl_file.chmod(0o600)

    def start(self):
        self.process = subprocess.Popen(["mosquitto", "-c", str(self.folder / "conf")],
                                        env=dict(os.environ) | self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + patience.NEVER_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"mosquitto does not start: {self.log()}") from None
                time.sleep(0.02)

    def stop(self, how=signal.SIGKILL):
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def log(self):
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""
