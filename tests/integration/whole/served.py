# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of a set in which devices come aboard, and ask for their settings: in a session each time, or in one that stays
open."""
import json
import sys

import coap
import lab

sys.path.insert(1, str(lab.TOP / "tests" / "integration"))
import dtls_client  # noqa: E402
import messages  # noqa: E402


class Served(lab.Shared):
    def aboard(self, device_id):
        client = coap.claimed_client(self.lab, device_id)
        coap.come_aboard(client)
        return client

    def is_served(self, client):
        answer = client.ask_with_certificate("get", "gangway/config")
        return bool(answer.payload) and json.loads(answer.payload)["device"] == client.id

    def open_session(self, client):
        session = dtls_client.Session(int(self.lab.coaps.rpartition(":")[2]), key=client.file("key.pem"),
                                      certificate=client.file("certificate.pem"))
        self.addCleanup(session.drop)
        return session

    @staticmethod
    def request(number):
        path = [(messages.URI_PATH, part) for part in (b".well-known", b"gangway", b"config")]
        return messages.Message(id=number, token=bytes([number]), options=path).encode()

    def ask_on(self, session, number):
        session.send(self.request(number))
        return session.receive()
