#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in a virtual machine what it is told from outside (vm.py), by a channel that is nobody's network: after a frame with
its boot's id, a frame an answer. A frame is a line of JSON and, behind it, as many bytes as it says."""
import json
import os
import pathlib
import subprocess
import threading

NAME = "command"


def find_channel():
    for port in pathlib.Path("/sys/class/virtio-ports").iterdir():
        if (port / "name").read_text().strip() == NAME:
            return f"/dev/{port.name}"
    raise SystemExit(f"no channel called {NAME} yet")


class Channel:
    def __init__(self, path):
        self.file = os.fdopen(os.open(path, os.O_RDWR), "r+b", buffering=0)
        self.data = b""
        self.lock = threading.Lock()

    def more(self):
        data = self.file.read(1 << 16)
        if not data:
            raise SystemExit("nobody is at the other end")
        self.data += data

    def receive(self):
        while b"\n" not in self.data:
            self.more()
        line, self.data = self.data.split(b"\n", 1)
        header = json.loads(line)
        parts = [self.data]
        n = len(self.data)
        while n < header["length"]:
            parts.append(self.file.read(1 << 16))
            n += len(parts[-1])
        data = b"".join(parts)
        self.data = data[header["length"]:]
        return header, data[:header["length"]]

    def send(self, data=b"", **header):
        frame = memoryview(json.dumps(header | {"length": len(data)}).encode() + b"\n" + data)
        with self.lock:
            while frame:
                frame = frame[self.file.write(frame):]


def answer(channel, number, words, data):
    try:
        done = subprocess.run(words, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
        status, out, err = done.returncode, done.stdout, done.stderr
    except OSError as e:
        status, out, err = 127, b"", str(e).encode()
    channel.send(out + err, number=number, status=status, out=len(out))


def main():
    channel = Channel(find_channel())
    channel.send(boot=pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    while True:
        header, data = channel.receive()
        threading.Thread(target=answer, args=(channel, header["number"], header["words"], data)).start()


if __name__ == "__main__":
    main()
