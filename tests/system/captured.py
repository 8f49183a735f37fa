#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""captured.py ROLE MODE AGENT_PID...: what somebody would try who has taken a plugin over. It runs in the
plugin's unit, as its user, and prints a line of JSON an attempt: {"attempt": .., "done": whether it worked,
"how": ..}. Then it goes on living as a plugin does.

MODE box: out of the sandbox. MODE link: on the link, in the plugin's own place. MODE barred: there, with files, more
than the agent puts up with. MODE tasks, MODE memory: as much as there is of it, and it is used. LENT names descriptors that somebody outside lends it.
"""
import ctypes
import errno
import fcntl
import json
import mmap
import os
import signal
import socket
import struct
import sys
import time

import wire

LINK = "/run/gangway/link"
ACCOMPLICE = "/run/accomplice"
LINGERING = "a stream that lingers"
LENT = [name for name in os.environ.get("LENT", "").split(",") if name]
LIBC = ctypes.CDLL(None, use_errno=True)
SYSCALLS = {"mount": 165, "unshare": 272, "setns": 308, "ptrace": 101, "process_vm_readv": 310,
            "pidfd_open": 434, "kexec_load": 246, "init_module": 175, "bpf": 321, "perf_event_open": 298,
            "userfaultfd": 323, "keyctl": 250, "clock_settime": 227, "adjtimex": 159, "reboot": 169,
            "swapon": 167, "chroot": 161, "pivot_root": 155, "sethostname": 170, "mknod": 133,
            "personality": 135, "quotactl": 179, "io_setup": 206, "mbind": 237, "setpriority": 141,
            "fallocate": 285, "io_uring_setup": 425}
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS = 0x10000000, 0x40000000, 0x20000
PTRACE_SEIZE = 0x4206
KEEP_SIZE = 1
FS_IOC_RESVSP64 = 0x4030582a
DISK_ENOUGH = 64 << 20  # what is filled until it counts as all of it
DISK_BOUND = 16 << 20  # what a plugin may have
MANY_TASKS, MUCH_MEMORY = 200, 400 << 20
WRITABLE = ("/", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/dev", "/run", "/run/gangway", "/run/lock",
            "/etc", "/var/lib", "/var/log", "/var/cache", "/home", "/root", "/usr/lib", "/sys/fs/cgroup",
            "/run/credentials", "/proc/self")
SECRET = ("/var/lib/gangway", "/var/lib/gangway/gangway.db", "/var/lib/gangway/store.key",
          "/etc/gangway/credentials", "/etc/gangway/credentials/cloud-key", "/etc/gangway/gangway.conf",
          "/run/credentials/gangwayd.service", "/run/credentials/gangwayd.service/store-key", "/etc/shadow",
          "/root", "/var/log/journal", "/run/log/journal", "/dev/fuse", "/dev/kmsg", "/dev/mem",
          "/proc/kcore", "/proc/1/environ", "/proc/sys/kernel/core_pattern")
SOCKETS = ("/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/journal/io.systemd.journal",
           "/run/udev/control")


def say(attempt, done, how):
    print(json.dumps({"attempt": attempt, "done": done, "how": str(how)}), flush=True)


def attempt(name, function, *arguments, **more):
    """It works unless it raises, or returns False."""
    notify("WATCHDOG=1")
    try:
        result = function(*arguments, **more)
    except (OSError, MemoryError, ValueError) as e:
        say(name, False, e)
    else:
        say(name, result is not False, result)


def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])


# --- the box ---

def syscall(name, *arguments):
    ctypes.set_errno(0)
    words = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    if LIBC.syscall(SYSCALLS[name], *words) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def read(path):
    return os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)


def write(folder):
    with open(os.path.join(folder, "captured"), "wb") as file:
        file.write(b"x")


def connect(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(path)


def open_socket(family, kind=socket.SOCK_DGRAM, protocol=0):
    socket.socket(family, kind, protocol).close()


def listen():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.listen()


def accept():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            sock.accept()
        except OSError as e:
            if e.errno == errno.EINVAL:  # the kernel was asked
                return
            raise


def fork_bomb():
    """Whether more than a few can be had."""
    children, error = [], None
    try:
        while len(children) < 128:
            child = os.fork()
            if child == 0:
                time.sleep(600)
                os._exit(0)
            children.append(child)
    except OSError as e:
        error = e
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if error and len(children) < 100:
        raise error


def fill_memory():
    """As much as any machine of that kind has."""
    held = []
    for _ in range(64):
        held.append(mmap.mmap(-1, 64 << 20))


def fill_disk_in_memory():
    fd = os.memfd_create("captured")
    try:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        os.posix_fallocate(fd, 0, 1 << 30)
    finally:
        os.close(fd)


def hoard_descriptors():
    held = []
    try:
        for _ in range(10000):
            held.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for fd in held:
            os.close(fd)


def raise_limits():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))


def set_uid():
    os.setuid(0)


def execute_from_memory():
    """Memory that can be written and run."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def try_files(role):
    for path in SECRET:
        attempt(f"read {path}", read, path)
    for other in {"registrar", "ip", "mqtt"} - {role}:
        attempt(f"read credentials of {other}", read, f"/run/credentials/gangway-{other}.service")
        attempt(f"read the state of {other}", read, f"/var/lib/gangway-{other}")
    for folder in WRITABLE:
        attempt(f"write {folder}", write, folder)
    for path in SOCKETS:
        attempt(f"connect {path}", connect, path)


def try_network(role):
    attempt("packet socket", open_socket, socket.AF_PACKET, socket.SOCK_RAW)
    attempt("kernel crypto socket", open_socket, socket.AF_ALG, socket.SOCK_SEQPACKET)
    attempt("vsock socket", open_socket, socket.AF_VSOCK, socket.SOCK_STREAM)
    attempt("can socket", open_socket, socket.AF_CAN, socket.SOCK_RAW, 1)
    for family in (socket.AF_INET, socket.AF_INET6):
        attempt(f"raw {family.name}", open_socket, family, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        if role == "registrar":
            attempt(f"udp {family.name}", open_socket, family)
            attempt(f"tcp {family.name}", open_socket, family, socket.SOCK_STREAM)
    if role == "registrar":
        attempt("netlink", open_socket, socket.AF_NETLINK, socket.SOCK_RAW)
    attempt("listen", listen)
    attempt("accept", accept)


def try_others(pids):
    for pid in pids:
        attempt(f"see /proc/{pid}", os.listdir, f"/proc/{pid}")
        attempt(f"read memory of {pid}", read, f"/proc/{pid}/mem")
        attempt(f"trace {pid}", syscall, "ptrace", PTRACE_SEIZE, pid, 0, 0)
        attempt(f"read {pid} by process_vm_readv", syscall, "process_vm_readv", pid, 0, 0, 0, 0, 1)
        for number in (0, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
            attempt(f"signal {number} to {pid}", os.kill, pid, number)


def try_kernel():
    attempt("setuid", set_uid)
    attempt("unshare user", syscall, "unshare", CLONE_NEWUSER)
    attempt("unshare net", syscall, "unshare", CLONE_NEWNET)
    attempt("unshare mount", syscall, "unshare", CLONE_NEWNS)
    attempt("mount", syscall, "mount", b"tmpfs", b"/tmp", b"tmpfs", 0, 0)
    attempt("chroot", syscall, "chroot", b"/tmp")
    attempt("mknod", syscall, "mknod", b"/dev/captured", 0o20666, 0x101)
    attempt("sethostname", syscall, "sethostname", b"captured", 8)
    attempt("clock_settime", syscall, "clock_settime", 0, 0)
    for name in ("kexec_load", "init_module", "bpf", "perf_event_open", "userfaultfd", "keyctl", "adjtimex",
                 "reboot", "swapon", "pivot_root", "quotactl", "mbind", "setpriority"):
        attempt(name, syscall, name, 0, 0, 0, 0, 0)
    attempt("writable and executable memory", execute_from_memory)


# --- the disk ---

def places():
    """Every folder and every file that we may write to, on a disk: /proc is none."""
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if not os.path.islink(os.path.join(folder, name)) and
                      os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
        if os.access(folder, os.W_OK):
            yield folder, True
        for name in files:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.W_OK):
                yield path, False


def taken(paths):
    return sum(os.stat(path).st_blocks * 512 for path in paths if os.path.exists(path))


def write_all(fd):
    for _ in range(DISK_ENOUGH >> 20):
        os.write(fd, b"x" * (1 << 20))


def write_far_behind(fd):
    os.pwrite(fd, b"x" * (1 << 20), 1 << 30)


def preallocate(fd, size=DISK_ENOUGH):
    syscall("fallocate", fd, KEEP_SIZE, 0, size)


def add_attributes(fd):
    for number in range(DISK_ENOUGH >> 16):
        os.setxattr(fd, f"user.captured{number}", b"x" * 60000)


def fill_disk(fill):
    """In every file there is and can be made; how many bytes it took. It counts if that is much, or ends for another
    reason than that it may not."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    there = list(places())
    paths = [path for path, is_folder in there if not is_folder]
    paths += [os.path.join(folder, f"captured-{n}") for folder, is_folder in there if is_folder for n in range(64)]
    for path in paths:
        notify("WATCHDOG=1")
        if taken(paths) > DISK_ENOUGH:
            break
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            continue
        try:
            fill(fd)
        except OSError:
            pass
        finally:
            os.close(fd)
    if (total := taken(paths)) <= DISK_BOUND:
        raise OSError(errno.EFBIG, f"{total} bytes in {len(there)} places")
    return total


def on_memory(fill):
    """On any file will do: what the limit of a file's size does not count is nobody's to have."""
    fd = os.memfd_create("captured")
    try:
        fill(fd, 4096)
    finally:
        os.close(fd)


def reserve(fd):
    fcntl.ioctl(fd, FS_IOC_RESVSP64, struct.pack("hh4xqqiI16x", 0, 0, 0, DISK_ENOUGH, 0, 0))


def try_disk(role):
    if role == "mqtt":  # who has files; by an ioctl it cannot, which it sees to itself (captured.c)
        attempt("preallocate", on_memory, preallocate)
    else:
        attempt("fill the disk: reserve", fill_disk, reserve)
    for fill in (write_all, write_far_behind, preallocate, add_attributes):
        attempt(f"fill the disk: {fill.__name__}", fill_disk, fill)


def try_resources():
    attempt("raise limits", raise_limits)
    attempt("fork-bomb", fork_bomb)
    attempt("fill memory", fill_memory)
    attempt("fill files in memory", fill_disk_in_memory)
    attempt("hoard descriptors", hoard_descriptors)
    attempt("io_uring", syscall, "io_uring_setup", 1, bytes(120))


def spin():
    while True:
        pass


def take_tasks():
    """All that can be had, up to more than any plugin may; each of them is busy for as long as we live."""
    n = 0
    try:
        while n < MANY_TASKS:
            if os.fork() == 0:
                spin()
            n += 1
    except OSError as e:
        say("take tasks", False, f"{n} tasks, then: {e.strerror}")
    else:
        say("take tasks", True, f"{n} tasks")


def take_memory():
    """Page by page, until we are killed, or have more than any plugin may."""
    held = mmap.mmap(-1, MUCH_MEMORY)
    for offset in range(0, MUCH_MEMORY, mmap.PAGESIZE):
        if offset % (16 << 20) == 0:
            notify(f"STATUS={offset >> 20} MiB")
        held[offset] = 1
    say("take memory", True, f"{MUCH_MEMORY >> 20} MiB")


# --- the link ---

def join(name):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(30)
    sock.connect(LINK)
    wire.send(sock, "hello", version_min=1, version_max=1, name=name, program="0", library="")
    answer = wire.receive(sock)
    if not answer or answer.type != "welcome":
        raise OSError(errno.EACCES, "not welcome")
    return sock


def is_heard(sock):
    """Whether the agent still listens to us after what we did; False once it has ended the link."""
    try:
        while wire.receive(sock):
            pass
    except TimeoutError:
        return True
    except ConnectionError:
        pass
    return False


def out_of_turn(name, type_, **values):
    """The link is ours for one message: the name that we give ourselves counts for nothing."""
    with join(name) as sock:
        wire.send(sock, type_, **values)
        return is_heard(sock)


FOREIGN = {
    "registrar": (("secret_query", {"session": 1, "channel": 1, "identity": "ACME-0001", "address": "a"}),
                  ("enroll", {"session": 1, "request": 1, "key": b"k" * 32, "csr": b"c"}),
                  ("checked", {"job": "j", "ok": 1})),
    "mqtt": (("answer", {"job": "j", "outcome": wire.DONE}),
             ("cloud_state", {"state": wire.ONLINE}),
             ("command", {"id": "c", "seq": 99, "kind": wire.COMMAND_REVOKE, "device": "ACME-0001"})),
    "ip": (("neighbour", {"present": 1, "address": "1.2.3.4", "interface": "lan0"}),),
}


def try_roles(role):
    for other, messages in FOREIGN.items():
        for type_, values in messages if other != role else ():
            attempt(f"say {type_} as {other}", out_of_turn, other, type_, **values)
    attempt("say what only the agent says", out_of_turn, role, "verdict", session=1, allow=1)
    with join(role):
        attempt("join twice", join, role)


def send_descriptors(sock, type_, fds, **values):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"".join(fd.to_bytes(4, "little") for fd in fds))]
    sock.sendmsg([wire.encode(type_, **values)], rights if fds else [])


def hand_over(role, fds):
    offer = ("anchors", {"purpose": 0}) if role == "mqtt" else ("channel", {"channel": 1, "mtu": 1280,
                                                                            "label": "captured"})
    with join(role) as sock:
        send_descriptors(sock, offer[0], fds, **offer[1])
        return is_heard(sock)


def lend(name):
    """A descriptor that one in our place could not make, from somebody outside (accomplice.py)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(ACCOMPLICE)
        sock.send(name.encode())
        return socket.recv_fds(sock, 1, 1)[1][0]


def be_barred(role):
    """With files, which cost the agent a descriptor each, until nobody listens to us any more."""
    for number in range(64):
        attempt(f"hand over a pipe, time {number}", hand_over, role, [os.pipe()[0]])


def try_descriptors(role):
    """Those that are no channel, or no anchors."""
    file = os.open("/etc/passwd", os.O_RDONLY)
    memory = os.memfd_create("captured", os.MFD_ALLOW_SEALING)
    local = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    path = os.open("/etc/passwd", os.O_PATH)
    bad = {"a file": [file], "a folder": [os.open("/", os.O_RDONLY)], "a path": [path],
           "a device": [os.open("/dev/null", os.O_RDWR)], "a pipe": [os.pipe()[0]],
           "memory that can change": [memory], "a local stream": [local[0].fileno()],
           "none": [], "two": [file, memory], "many": [file] * 200}
    bad |= {name: [lend(name)] for name in LENT}
    if role == "ip":
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
        bad |= {"a stream": [stream.fileno()], "netlink": [netlink.fileno()]}
    for name, fds in bad.items():
        attempt(f"hand over {name}", hand_over, role, fds)


HELD = []  # for as long as we live
DEVICE = "198.18.1.2"


def open_door(interface, port):
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    door.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    door.bind(("", port))
    HELD.append(door)
    return door


def offer(sock, number, fd, kind=wire.CHANNEL_DATAGRAM):
    wire.send(sock, "channel", fd=fd, channel=number, kind=kind, mtu=1472, label="captured")


def serve_with_tricks(interface, port):
    """Doors, one of which devices find; and all that their giver may do to them before and afterwards: they block,
    are connected to somebody, have errors, or are shut down. Devices may come."""
    sock = join("ip")
    HELD.append(sock)
    before = open_door(interface, port + 1)
    before.connect((DEVICE, 9))
    offer(sock, 1, before.fileno())
    offer(sock, 2, open_door(interface, port).fileno())
    afterwards = [open_door(interface, port + 2 + i) for i in range(4)]
    for i, door in enumerate(afterwards):
        offer(sock, 3 + i, door.fileno())
    stream = lend(LINGERING)
    offer(sock, 9, stream, wire.CHANNEL_STREAM)
    os.close(stream)  # so theirs is the last
    for door in HELD[1:]:
        door.setblocking(True)
    connected, refused, shut, elsewhere = afterwards
    connected.connect((DEVICE, 9))
    refused.connect((DEVICE, 9))  # where nobody is, so that errors come
    for _ in range(8):
        try:
            refused.send(b"x")
        except OSError:
            pass
    shut.connect((DEVICE, 9))
    shut.shutdown(socket.SHUT_RDWR)
    attempt("bind a door to another cable", elsewhere.setsockopt, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wan0")
    say("serve with tricks", False, "as well as it goes")


def main():
    role, mode, pids = sys.argv[1], sys.argv[2], [int(pid) for pid in sys.argv[3:]]
    notify("READY=1")
    if mode == "box":
        try_files(role)
        try_network(role)
        try_others(pids)
        try_kernel()
        try_resources()
        try_disk(role)
    elif mode == "barred":
        be_barred(role)
    elif mode == "tasks":
        take_tasks()
    elif mode == "memory":
        take_memory()
    else:
        try_roles(role)
        try_descriptors(role)
        if role == "ip":
            serve_with_tricks("lan0", 5684)
    say("end", False, "all tried")
    while True:
        notify("WATCHDOG=1")
        time.sleep(1)


if __name__ == "__main__":
    main()
