# SPDX-License-Identifier: GPL-2.0-or-later
"""An agent for tests of gangway-registrar alone: it takes the registrar in, hands it a UDP socket, gives
secrets from a table, lets everybody in whom the test does not turn away, and signs what is asked.

Nothing is stored and nothing is decided here; what the registrar said is kept for the test to look at.
"""
import fcntl
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

import patience
import wire

SEALS = 0x1 | 0x2 | 0x4 | 0x8  # seal, shrink, grow, write
F_ADD_SEALS = 1033

DAY = 86400
YEAR = 365 * DAY

CA_EXTENSIONS = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n" \
                "subjectKeyIdentifier=hash\n"
DEVICE_EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" \
                    "extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n"
SERVER_EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" \
                    "extendedKeyUsage=serverAuth,1.3.6.1.5.5.7.3.28\nauthorityKeyIdentifier=keyid\n"


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


class Authority:
    """A certificate authority in a folder: root key and certificate, signing by openssl."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.key = self.folder / f"{name}.key"
        self.certificate = self.folder / f"{name}.pem"
        self.new_key(self.key)
        request = openssl("req", "-new", "-key", str(self.key), "-subj", f"/CN={name}")
        self.certificate.write_bytes(self.sign(request, f"/CN={name}", CA_EXTENSIONS, own=True))

    @staticmethod
    def new_key(path, curve="P-256"):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}",
                "-out", str(path))

    def der(self):
        return openssl("x509", "-in", str(self.certificate), "-outform", "DER")

    def sign(self, request, subject, extensions, own=False, days=30, digest="sha256", form="PEM"):
        """Signs a request; returns PEM. With days below 0 it has ended so long ago."""
        if days < 0:
            request = openssl("req", "-inform", form, "-outform", "DER", data=request)
            return self.sign_for_seconds(request, subject, extensions, DAY, (days - 1) * DAY, digest)
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder, "extensions")
            config.write_text(extensions)
            signer = ["-signkey", str(self.key)] if own else [
                "-CA", str(self.certificate), "-CAkey", str(self.key)]
            return openssl("x509", "-req", "-inform", form, *signer, "-set_serial",
                           str(int.from_bytes(os.urandom(15), "big") + 1), f"-{digest}",
                           "-days", str(days), "-subj", subject, "-extfile", str(config),
                           data=request)

    def sign_for_seconds(self, request, subject, extensions, seconds, start=0, digest="sha256"):
        """The same of a DER request, to begin so many seconds from now, which openssl x509 is too coarse
        for; returns PEM."""
        with tempfile.TemporaryDirectory() as folder:
            config, pem = pathlib.Path(folder, "config"), pathlib.Path(folder, "request")
            pathlib.Path(folder, "index").touch()
            pem.write_bytes(openssl("req", "-inform", "DER", data=request))
            config.write_text(f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\n"
                              f"new_certs_dir={folder}\nrand_serial=yes\ndefault_md={digest}\n"
                              f"certificate={self.certificate}\nprivate_key={self.key}\n"
                              f"policy=any\n[any]\ncommonName=supplied\n[extensions]\n{extensions}")
            begin = time.time() + start
            dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t)) for t in (begin, begin + seconds)]
            return openssl("ca", "-batch", "-notext", "-config", str(config), "-in", str(pem), "-subj",
                           subject, "-extensions", "extensions", "-startdate", dates[0],
                           "-enddate", dates[1])

    def move_to(self, start):
        """Gives the authority itself another beginning."""
        request = openssl("req", "-new", "-key", str(self.key), "-subj", f"/CN={self.name}", "-outform",
                          "DER")
        pem = self.sign_for_seconds(request, f"/CN={self.name}", CA_EXTENSIONS, YEAR, start)
        self.certificate.write_bytes(pem)

    def device_from(self, name, start):
        """A device's key and certificate, as device(), with its beginning."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        self.new_key(key)
        request = openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-outform", "DER")
        certificate.write_bytes(
            self.sign_for_seconds(request, f"/CN={name}", DEVICE_EXTENSIONS, YEAR, start))
        return key, certificate

    def device(self, name, extensions=DEVICE_EXTENSIONS, **how):
        """Makes a device's key and certificate; returns the paths of both."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        self.new_key(key)
        request = openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}")
        certificate.write_bytes(self.sign(request, f"/CN={name}", extensions, **how))
        return key, certificate


def sealed(data):
    """A sealed memfd with these bytes."""
    fd = os.memfd_create("anchors", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, F_ADD_SEALS, SEALS)
    return fd


class DoorAgent:
    """Runs in a thread of its own from start() to stop()."""

    def __init__(self, folder, settings="", secrets=None, authority=None, family=socket.AF_INET):
        self.path = os.path.join(folder, "link")
        self.settings = settings
        self.secrets = secrets if secrets is not None else {}
        self.authority = authority
        self.devices = authority  # whose certificates are let in
        self.answer_secrets = True
        self.server_life_s, self.server_start = 30 * 86400, 0
        self.server_extensions = SERVER_EXTENSIONS
        self.refuse = set()     # identities that get no verdict but "no"
        self.silent = set()     # identities that get no verdict at all
        self.clock_trusted = True
        self.messages = []      # what the registrar said
        self.served = {}        # session: identity
        self.changed = threading.Condition()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.link = None
        address = ("127.0.0.1", 0) if family == socket.AF_INET else ("::1", 0)
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind(address)
        self.port = self.udp.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()

    def drop_link(self):
        """Ends the link; the registrar will come back."""
        self.link.shutdown(socket.SHUT_RDWR)

    def hang_up(self):
        """Ends the link, and lets nobody in any more."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.drop_link()

    def stop(self):
        for sock in (self.listener, self.link):
            if sock:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                sock.close()
        self.thread.join()
        self.udp.close()

    # --- for tests ---

    def wait(self, type_, timeout=patience.NEVER_S, count=1, **fields):
        """The count-th message of this type with these fields, once it is there."""
        def matching():
            return [m for m in self.messages if m.type == type_ and
                    all(getattr(m, name) == value for name, value in fields.items())]

        with self.changed:
            if not self.changed.wait_for(lambda: len(matching()) >= count, timeout):
                raise AssertionError(f"no {type_} {fields}; had {self.messages}")
            return matching()[count - 1]

    def count(self, type_, **fields):
        with self.changed:
            return sum(m.type == type_ and
                       all(getattr(m, name) == value for name, value in fields.items())
                       for m in self.messages)

    def send(self, type_, fd=None, **fields):
        wire.send(self.link, type_, fd, **fields)

    # --- the thread ---

    def _run(self):
        try:
            while True:
                self.link, _ = self.listener.accept()
                self._serve()
        except OSError:
            pass  # the test has closed the listener

    def _serve(self):
        try:
            while (message := wire.receive(self.link)) is not None:
                self._take(message)
                with self.changed:
                    self.messages.append(message)
                    self.changed.notify_all()
        except OSError:
            pass  # the registrar is gone
        self.link.close()

    def _take(self, m):
        handler = getattr(self, f"_on_{m.type}", None)
        if handler:
            handler(m)

    def tell_clock(self, trusted=None, time_s=None):
        trusted = self.clock_trusted if trusted is None else trusted
        # Told in whole seconds, and certificates here begin this very second.
        time_s = int(time.time()) + 2 if time_s is None else time_s
        self.send("clock", time=time_s, trusted=int(trusted))

    def _on_hello(self, m):
        self.send("welcome", version=1, gateway="gw-test", settings=self.settings)
        self.tell_clock()
        self.send("cloud_state", state=wire.ONLINE)
        if self.authority:
            self._anchors(wire.ANCHORS_DEVICE, self.devices)
            self._anchors(wire.ANCHORS_REGISTRAR, self.authority)
        self.send("channel", fd=self.udp.fileno(), channel=1, kind=wire.CHANNEL_DATAGRAM,
                  transport="test", label="loopback")

    def _anchors(self, purpose, authority):
        fd = sealed(authority.der())
        self.send("anchors", fd=fd, purpose=purpose)
        os.close(fd)

    def _on_secret_query(self, m):
        if self.answer_secrets:
            self.send("secret", session=m.session, secret=self.secrets.get(m.identity, b""))

    def _on_peer(self, m):
        if m.identity in self.silent:
            return
        allow = m.identity not in self.refuse
        self.served[m.session] = m.identity
        self.send("verdict", session=m.session, allow=int(allow), device=m.identity,
                  reason="" if allow else "suspended")

    def _on_server_csr(self, m):
        if self.authority:
            pem = self.authority.sign_for_seconds(m.csr, "/CN=gw-test", self.server_extensions,
                                                  self.server_life_s, self.server_start)
            self.send("server_cert", key=m.key,
                      certificate=openssl("x509", "-outform", "DER", data=pem))

    def _on_enroll(self, m):
        pem = self.authority.sign(m.csr, f"/O=acme/CN={self.served[m.session]}",
                                  DEVICE_EXTENSIONS, form="DER")
        self.send("enrolled", session=m.session, request=m.request, outcome=wire.DONE,
                  certificate=openssl("x509", "-outform", "DER", data=pem))

    def _on_settings_query(self, m):
        self.send("settings", session=m.session, request=m.request, outcome=wire.DONE,
                  device=self.served[m.session], tenant="acme", cloud="mqtts://cloud:8883")

    def _on_report(self, m):
        self.send("reported", session=m.session, request=m.request, outcome=wire.DONE)
