# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that a program makes up: one file, which can be opened and closed. Any other question about it is never
answered, as on a network that is gone (the kernel's linux/fuse.h); nor, if wanted, is that of one process that closes it."""
import ctypes
import errno
import os
import pathlib
import signal
import struct
import subprocess

DEVICE = pathlib.Path("/dev/fuse")
LOOKUP, FORGET, GETATTR, OPEN, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 18, 25, 26
HEADER = struct.Struct("=IIQQIIII")  # length, operation, unique, node, uid, gid, pid, padding
MS_NOSUID, MS_NODEV = 2, 4
FILE_NODE = 2
NAME = "file"


def attributes(node):
    mode = 0o40755 if node == 1 else 0o100644
    return struct.pack("=QQQQQQIIIIIIIIII", node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class HungFile:
    """Mounted as long as it is used. A process of its own serves it: somebody of ours may be the one that waits."""

    def __init__(self, folder, prey=None):
        """prey: the process that is not to get over closing it."""
        self.folder = pathlib.Path(folder)
        self._prey = prey
        self._device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"hung", os.fsencode(self.folder), b"fuse", MS_NOSUID | MS_NODEV, options.encode()) != 0:
            os.close(self._device)
            raise OSError(ctypes.get_errno(), "cannot mount")
        self._asked, writing = os.pipe()
        self._server = os.fork()
        if self._server == 0:
            self._serve(writing)
        os.close(writing)
        os.close(self._device)

    def __enter__(self):
        return self.folder / NAME

    def __exit__(self, *error):
        os.kill(self._server, signal.SIGTERM)  # whoever still waits gets an error
        os.waitpid(self._server, 0)
        subprocess.run(["umount", self.folder], check=True)

    def asked(self):
        """The operations that were not answered; when it is unmounted."""
        with open(self._asked, "rb") as file:
            return list(file.read())

    def _answer(self, unique, error=0, body=b""):
        os.write(self._device, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)

    def _serve(self, writing):
        while True:
            data = os.read(self._device, 1 << 20)
            _, operation, unique, node, _, _, pid, _ = HEADER.unpack_from(data)
            if pid == self._prey or not self._serve_one(operation, unique, node, data[HEADER.size:]):
                os.write(writing, bytes([operation]))

    def _serve_one(self, operation, unique, node, body):
        if operation == INIT:
            self._answer(unique, body=struct.pack("=IIIIHHIIHH28x", 7, 31, 0, 0, 16, 12, 4096, 1, 0, 0))
        elif operation == LOOKUP and body.startswith(NAME.encode() + b"\0"):
            self._answer(unique, body=struct.pack("=QQQQII", FILE_NODE, 0, 60, 0, 0, 0) + attributes(FILE_NODE))
        elif operation == LOOKUP:
            self._answer(unique, errno.ENOENT)
        elif operation == GETATTR and node == 1:
            self._answer(unique, body=struct.pack("=QII", 60, 0, 0) + attributes(1))
        elif operation == OPEN:
            self._answer(unique, body=struct.pack("=QII", 1, 1, 0))  # past the page cache
        elif operation in (FLUSH, RELEASE):
            self._answer(unique)
        else:
            return operation == FORGET
        return True
