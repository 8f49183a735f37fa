#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""accomplice.py FOLDER: somebody on the machine who is in no sandbox, and lends a captured plugin descriptors that it could not
make itself: whoever connects to its socket and names one gets it. A file of FUSE is among them, which is served
from FOLDER until it is open: whatever is asked of it then, such as its close(), is never answered."""
import ctypes
import os
import socket
import struct
import sys

SOCKET = "/run/accomplice"
IN, OUT, ATTR = "<IIQQIIII", "<IiQ", "<QQQQQQIIIIIIIIII"
LOOKUP, GETATTR, OPEN, INIT = 1, 3, 14, 26
ENOSYS = 38
LIBC = ctypes.CDLL(None, use_errno=True)


def attributes(inode):
    mode = 0o40755 if inode == 1 else 0o100644
    return struct.pack(ATTR, inode, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(opcode, node):
    """What a file system of one file says; None: nothing, ever."""
    if opcode == INIT:
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, 4096, 1, 1, 0, 0)
    if opcode == LOOKUP:
        return struct.pack("<QQQQII", 2, 0, 60, 60, 0, 0) + attributes(2)
    if opcode == GETATTR:
        return struct.pack("<QII", 60, 0, 0) + attributes(node)
    if opcode == OPEN:
        return struct.pack("<QII", 1, 1, 0)  # read it from us, not from memory
    return None


def serve_files(device):
    is_open = False
    while True:
        request = os.read(device, 1 << 17)
        _, opcode, unique, node, *_ = struct.unpack_from(IN, request)
        body = None if is_open else answer(opcode, node)
        if body is not None:
            os.write(device, struct.pack(OUT, 16 + len(body), 0, unique) + body)
        elif not is_open:
            os.write(device, struct.pack(OUT, 16, -ENOSYS, unique))
        is_open |= opcode == OPEN


def mount_files(folder):
    device = os.open("/dev/fuse", os.O_RDWR)
    os.makedirs(folder, exist_ok=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if LIBC.mount(b"fuse", folder.encode(), b"fuse", 0, options.encode()) < 0:
        raise OSError(ctypes.get_errno(), "mount")
    return device


def open_fuse_file(folder):
    """Served by a process of its own, which has not opened it: when that is killed all who wait go on."""
    mounted, is_mounted = os.pipe()
    if os.fork() == 0:
        device = mount_files(folder)
        os.write(is_mounted, b"x")
        serve_files(device)
    os.read(mounted, 1)
    return os.open(f"{folder}/file", os.O_RDONLY)


def open_lingering_stream():
    """The last who closes it would wait a day for its other end, which never reads."""
    listening = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listening.getsockname())
    far, _ = listening.accept()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 86400))
    near.setblocking(False)
    try:
        while True:
            near.send(bytes(1 << 16))
    except BlockingIOError:
        pass
    return near, far, listening


def main():
    near, *held = open_lingering_stream()
    lent = {"a listening socket": held[1].fileno(), "a stream that lingers": near.fileno()}
    if os.path.exists("/dev/fuse"):
        lent["a file of FUSE"] = open_fuse_file(sys.argv[1])
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    server.bind(SOCKET)
    os.chmod(SOCKET, 0o666)
    server.listen()
    print(",".join(lent), flush=True)
    while True:
        caller, _ = server.accept()
        name = caller.recv(64).decode()
        socket.send_fds(caller, [b"x"], [lent[name]])
        caller.close()
        if name == "a stream that lingers":  # nobody else is to hold it
            near.close()
            near, *more = open_lingering_stream()
            lent[name] = near.fileno()
            held += more


if __name__ == "__main__":
    main()
