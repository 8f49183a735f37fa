# SPDX-License-Identifier: GPL-2.0-or-later
"""Other people's devices: libcoap's clients for the way, openssl for keys, requests and certificates."""
import pathlib
import subprocess
import tempfile

import label
import lab

STACKS = ("openssl", "gnutls")
SECRET = b"coap-client-test"  # its -k takes text only


class Answer:
    def __init__(self, payload, said):
        self.payload, self.said = payload, said


class Client:
    """A device with libcoap: an id, a secret, and files of its own."""

    def __init__(self, gateway, device_id, stack="openssl", secret=SECRET, uri=None):
        self.gateway, self.id, self.stack, self.secret = gateway, device_id, stack, secret
        self.uri = uri or gateway.coaps
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coap-", dir=gateway.folder))
        self.label = label.make(device_id, secret)

    def file(self, name):
        return self.folder / name

    def _ask(self, method, path, *options, wait_s=10):
        payload = self.file("answer")
        payload.unlink(missing_ok=True)
        result = self.gateway.run(f"coap-client-{self.stack}", "-B", str(wait_s), "-m", method, *options,
                                  "-o", payload, f"{self.uri}/.well-known/{path}")
        return Answer(payload.read_bytes() if payload.exists() else b"", result.stderr.strip())

    def ask(self, method, path, *options, **more):
        """With the secret."""
        return self._ask(method, path, "-u", self.id, "-k", self.secret.decode(), *options, **more)

    def ask_with_certificate(self, method, path, *options, **more):
        """The gateway has to prove itself, too, once the device has anchors."""
        anchors = ["-C", self.file("anchors.pem")] if self.file("anchors.pem").exists() else []
        return self._ask(method, path, "-c", self.file("certificate.pem"), "-j", self.file("key.pem"),
                         *anchors, *options, **more)

    def new_key(self, *kind):
        kind = kind or ("ecparam", "-genkey", "-noout", "-name", "prime256v1")
        self.openssl(*kind, "-out", self.file("key.pem"))

    def request(self, *options, name=None):
        """A signing request for the key, in DER."""
        self.openssl("req", "-new", "-key", self.file("key.pem"), "-subj", f"/CN={name or self.id}",
                     "-outform", "der", "-out", self.file("csr.der"), *options)
        return self.file("csr.der").read_bytes()

    def enroll(self, request, **more):
        self.file("csr.der").write_bytes(request)
        return self.ask("post", "est/sen", "-t", "286", "-f", self.file("csr.der"), **more)

    def renew(self, request, **more):
        self.file("csr.der").write_bytes(request)
        return self.ask_with_certificate("post", "est/sren", "-t", "286", "-f", self.file("csr.der"), **more)

    def keep_certificate(self, answer, name="certificate.pem"):
        """Out of the certs-only PKCS#7."""
        self.file("answer.p7").write_bytes(answer.payload)
        self.openssl("pkcs7", "-inform", "der", "-in", self.file("answer.p7"), "-print_certs",
                     "-out", self.file(name))

    def keep_anchors(self):
        self.keep_certificate(self.ask("get", "est/crts"), "anchors.pem")

    def openssl(self, *words):
        result = subprocess.run(["openssl", *words], capture_output=True, text=True)
        if result.returncode != 0:
            raise AssertionError(f"openssl {words}: {result.stderr}")
        return result.stdout


def claimed_client(gateway, device_id, **more):
    client = Client(gateway, device_id, **more)
    gateway.claim(client)
    return client


def come_aboard(client):
    """Anchors, key, request, certificate, proof."""
    client.keep_anchors()
    client.new_key()
    answer = client.enroll(client.request())
    if not answer.payload:
        raise AssertionError(f"{client.id} got no certificate: {answer.said}\n{client.gateway.story()}")
    client.keep_certificate(answer)
    settings = client.ask_with_certificate("get", "gangway/config")
    lab.wait_for(f"{client.id} is aboard", lambda: client.gateway.state(client.id) == "onboarded")
    return settings
