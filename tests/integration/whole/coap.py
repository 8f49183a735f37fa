# SPDX-License-Identifier: GPL-2.0-or-later
"""Other people's devices: libcoap's clients for the way, openssl for keys, requests and certificates.

Who is let in, or sent away, hears so, and the client ends. It is only from silence that a test must not wait
for an answer: `wait_s`.
"""
import contextlib
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

    def _command(self, method, path, *options, wait_s=lab.NEVER_S):
        return [f"coap-client-{self.stack}", "-B", str(wait_s), "-m", method, *options,
                "-o", self.file("answer"), f"{self.uri}/.well-known/{path}"]

    def _ask(self, *words, **more):
        payload = self.file("answer")
        payload.unlink(missing_ok=True)
        result = self.gateway.run(*self._command(*words, **more))
        return Answer(payload.read_bytes() if payload.exists() else b"", result.stderr.strip())

    @property
    def _proof(self):
        return ["-u", self.id, "-k", self.secret.decode()]

    def ask(self, method, path, *options, **more):
        """With the secret."""
        return self._ask(method, path, *self._proof, *options, **more)

    @contextlib.contextmanager
    def knocking(self):
        """It asks with its secret all the while, whether somebody answers or not."""
        client = subprocess.Popen(self._command("get", "est/crts", *self._proof), env=self.gateway.environment(),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            client.kill()
            client.wait()

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

    def enroll(self, request, *options, **more):
        self.file("csr.der").write_bytes(request)
        return self.ask("post", "est/sen", "-t", "286", "-f", self.file("csr.der"), *options, **more)

    def get_certificate(self, request, *options):
        """Asks until it has it: a cloud that is slow makes a device come again."""
        def judged():
            answer = self.enroll(request, *options)
            return None if answer.said.startswith("5.03") else answer

        answer = lab.wait_for(f"{self.id} is not told to come again", judged)
        if not answer.payload:
            raise AssertionError(f"{self.id} got no certificate: {answer.said}\n{self.gateway.story()}")
        return answer

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
    client.keep_certificate(client.get_certificate(client.request()))
    settings = client.ask_with_certificate("get", "gangway/config")
    lab.wait_for(f"{client.id} is aboard", lambda: client.gateway.state(client.id) == "onboarded")
    return settings
