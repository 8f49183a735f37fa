# SPDX-License-Identifier: GPL-2.0-or-later
"""A DTLS 1.2 client for tests that say each message themselves: openssl's library, with its input and output
in memory, so that the test decides what goes into a datagram. Python's own ssl module knows no DTLS.
"""
import ctypes
import ctypes.util
import select
import socket

import patience

_ssl = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")

_PSK_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p,
                                 ctypes.c_uint, ctypes.c_void_p, ctypes.c_uint)
_POINTER, _INT, _LONG, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p


def _declare(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


_method = _declare(_ssl, "DTLS_client_method", _POINTER)
_ctx_new = _declare(_ssl, "SSL_CTX_new", _POINTER, _POINTER)
_ctx_free = _declare(_ssl, "SSL_CTX_free", None, _POINTER)
_ctx_ciphers = _declare(_ssl, "SSL_CTX_set_cipher_list", _INT, _POINTER, _TEXT)
_ctx_psk = _declare(_ssl, "SSL_CTX_set_psk_client_callback", None, _POINTER, _PSK_CALLBACK)
_ctx_certificate = _declare(_ssl, "SSL_CTX_use_certificate_file", _INT, _POINTER, _TEXT, _INT)
_ctx_key = _declare(_ssl, "SSL_CTX_use_PrivateKey_file", _INT, _POINTER, _TEXT, _INT)
_ctx_options = _declare(_ssl, "SSL_CTX_set_options", ctypes.c_uint64, _POINTER, ctypes.c_uint64)
_new = _declare(_ssl, "SSL_new", _POINTER, _POINTER)
_free = _declare(_ssl, "SSL_free", None, _POINTER)
_set_bio = _declare(_ssl, "SSL_set_bio", None, _POINTER, _POINTER, _POINTER)
_connect = _declare(_ssl, "SSL_connect", _INT, _POINTER)
_read = _declare(_ssl, "SSL_read", _INT, _POINTER, _POINTER, _INT)
_write = _declare(_ssl, "SSL_write", _INT, _POINTER, _POINTER, _INT)
_shutdown = _declare(_ssl, "SSL_shutdown", _INT, _POINTER)
_get_shutdown = _declare(_ssl, "SSL_get_shutdown", _INT, _POINTER)
_ctrl = _declare(_ssl, "SSL_ctrl", _LONG, _POINTER, _INT, _LONG, _POINTER)
_bio_new = _declare(_crypto, "BIO_new", _POINTER, _POINTER)
_bio_memory = _declare(_crypto, "BIO_s_mem", _POINTER)
_bio_read = _declare(_crypto, "BIO_read", _INT, _POINTER, _POINTER, _INT)
_bio_write = _declare(_crypto, "BIO_write", _INT, _POINTER, _TEXT, _INT)

_SET_MTU, _NO_QUERY_MTU, _PEM, _RECEIVED_SHUTDOWN = 17, 0x1000, 1, 2
_MTU = 1280
_HEADER = 13


class Ended(Exception):
    """The server has ended the session, or the handshake."""


def _records(data):
    """One after the other, as they are in a datagram."""
    while data:
        length = _HEADER + int.from_bytes(data[11:13], "big")
        yield data[:length]
        data = data[length:]


class Session:
    """A session with the server at a port of this machine, by a secret or by a certificate."""

    def __init__(self, port, identity=None, secret=None, certificate=None, key=None,
                 ciphers="PSK-AES128-CCM8:ECDHE-ECDSA-AES128-CCM8"):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(("127.0.0.1", port))
        self.context = _ctx_new(_method())
        _ctx_options(self.context, _NO_QUERY_MTU)
        _ctx_ciphers(self.context, f"{ciphers}:@SECLEVEL=0".encode())
        if certificate:
            _ctx_certificate(self.context, str(certificate).encode(), _PEM)
            _ctx_key(self.context, str(key).encode(), _PEM)
        else:
            self.callback = _PSK_CALLBACK(self._give_secret)
            self.identity, self.secret = identity.encode(), secret
            _ctx_psk(self.context, self.callback)
        self.ssl = _new(self.context)
        _ctrl(self.ssl, _SET_MTU, _MTU, None)
        self.input, self.output = _bio_new(_bio_memory()), _bio_new(_bio_memory())
        _set_bio(self.ssl, self.input, self.output)
        self._shake_hands()

    def _give_secret(self, _ssl_, _hint, identity, identity_size, key, key_size):
        if len(self.identity) >= identity_size or len(self.secret) > key_size:
            return 0
        ctypes.memmove(identity, self.identity + b"\0", len(self.identity) + 1)
        ctypes.memmove(key, self.secret, len(self.secret))
        return len(self.secret)

    def _shake_hands(self):
        while _connect(self.ssl) != 1:
            for record in _records(self._written()):
                self.sock.send(record)
            self._await()
        for record in _records(self._written()):
            self.sock.send(record)

    def _await(self):
        """Takes in the next datagram; Ended if none will come any more."""
        if _get_shutdown(self.ssl) & _RECEIVED_SHUTDOWN:
            raise Ended("the server has ended it")
        if not select.select([self.sock], [], [], patience.NEVER_S)[0]:
            raise TimeoutError("nobody answers")
        datagram = self.sock.recv(65536)
        _bio_write(self.input, datagram, len(datagram))

    def _written(self):
        """What the library has to send."""
        buffer = ctypes.create_string_buffer(65536)
        length = _bio_read(self.output, buffer, len(buffer))
        return buffer.raw[:max(length, 0)]

    def close(self):
        if self.ssl:
            _shutdown(self.ssl)
            self.sock.send(self._written())
            self.drop()

    def drop(self):
        """Ends it without a word."""
        if self.ssl:
            _free(self.ssl)
            _ctx_free(self.context)
            self.sock.close()
            self.ssl = None

    def wrap(self, plain):
        """A record with these bytes."""
        if _write(self.ssl, plain, len(plain)) != len(plain):
            raise Ended("cannot write")
        return self._written()

    def send(self, *plains):
        """All of them in one datagram, a record each."""
        self.sock.send(b"".join(self.wrap(plain) for plain in plains))

    def receive(self):
        """What comes next. Ended: the server has ended the session; TimeoutError: nothing comes."""
        buffer = ctypes.create_string_buffer(65536)
        while True:
            length = _read(self.ssl, buffer, len(buffer))
            if length > 0:
                return buffer.raw[:length]
            self._await()

    def rest(self):
        """All that still comes, up to the end of the session."""
        heard = []
        try:
            while True:
                heard.append(self.receive())
        except Ended:
            return heard
