# SPDX-License-Identifier: GPL-2.0-or-later
"""Rooms: who may know what. doc/architecture.md says why; this is the table that holds it."""
import re

from tree import Complaint

# Third-party headers, and the beginnings of the paths that may include them. First match decides.
ROOMS = [
    ("sqlite3.h", ["agent/store", "tools/cloud/registry", "tools/cloud/database"]),
    ("libeconf.h", ["agent/config", "agent/settings"]),
    ("systemd/sd-bus", ["agent/bus", "agent/turn", "agent/polkit", "agent/clock", "tools/ctl/", "plugins/ip/"]),
    ("systemd/sd-hwdb.h", ["plugins/ip/"]),
    ("systemd/sd-", ["lib/", "agent/", "plugins/", "tools/"]),
    ("wolfssl/", ["lib/crypto", "plugins/registrar/", "tools/device/"]),
    ("mosquitto.h", ["lib/mqtt", "plugins/mqtt/", "tools/cloud/"]),
    ("openssl/", ["lib/mqtt", "plugins/mqtt/", "tools/cloud/"]),
    ("jansson.h", ["lib/json-text", "plugins/mqtt/", "plugins/registrar/report", "plugins/registrar/settings", "tools/cloud/",
                   "tools/ctl/"]),
    ("netlink/", ["plugins/ip/"]),
    ("linux/rtnetlink.h", ["plugins/ip/"]),
    ("qrencode.h", ["tools/ctl/"]),
    ("zbar.h", ["tools/ctl/"]),
    ("png.h", ["tools/ctl/"]),
    ("jpeglib.h", ["tools/ctl/"]),
]

# The C library and the kernel; what is in none of the two lists has no room yet.
STANDARD = re.compile(
    r"^((sys|net|netinet|arpa|linux)/\w+\.h|(assert|ctype|dirent|dlfcn|endian|errno|fcntl|fnmatch|getopt|glob|grp|"
    r"ifaddrs|inttypes|langinfo|libgen|limits|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|search|setjmp|"
    r"signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|sysexits|"
    r"syslog|termios|time|ucontext|unistd|wchar|wctype)\.h)$")

FLOORS = ("agent", "plugins", "tools")


def home_of(path):
    """The part of the tree whose headers a file may include beside lib's: its own program."""
    parts = path.split("/")
    return "/".join(parts[:1] if parts[0] in ("agent", "lib") else parts[:2]) + "/"


def check_third_party(tree):
    """A library is known in its room only."""
    for path in tree.named(".c", ".h"):
        if not path.startswith(("lib/", "agent/", "plugins/", "tools/")):
            continue
        for include in tree.includes(path):
            if include.is_ours:
                continue
            rooms = next((rooms for start, rooms in ROOMS if include.name.startswith(start)), None)
            if rooms is None and not STANDARD.match(include.name):
                yield Complaint(path, include.line, f"<{include.name}> has no room: give it one in tests/lint/rooms.py")
            elif rooms is not None and not path.startswith(tuple(rooms)):
                yield Complaint(path, include.line, f"<{include.name}> belongs in {', '.join(rooms)} only")


def check_floors(tree):
    """lib < agent, lib < plugins, lib < tools; no program knows another's inside."""
    for path in tree.named(".c", ".h"):
        if not path.startswith(("lib/", "agent/", "plugins/", "tools/")):
            continue
        home = home_of(path)
        for include in tree.includes(path):
            if not include.is_ours or include.name == "config.h":
                continue
            if include.name.split("/")[0] not in ("lib", *FLOORS):
                yield Complaint(path, include.line, f'"{include.name}": include by the path from the top of the tree')
            elif not include.name.startswith(("lib/", home)):
                yield Complaint(path, include.line, f'"{include.name}": {home} includes lib/ and itself only')


def check_one_crypto(tree):
    """wolfSSL and OpenSSL meet in no program."""
    signs = {"wolfSSL": ("wolfssl/", "lib/crypto"), "OpenSSL": ("openssl/", "mosquitto.h", "lib/mqtt")}
    homes = {}
    for path in tree.named(".c", ".h"):
        if not path.startswith(("agent/", "plugins/", "tools/")):
            continue
        for include in tree.includes(path):
            for library, starts in signs.items():
                if include.name.startswith(starts):
                    homes.setdefault(home_of(path), {}).setdefault(library, (path, include.line))
    for home, libraries in homes.items():
        if len(libraries) == 2:
            yield Complaint(*libraries["OpenSSL"], f"{home} has wolfSSL in it ({libraries['wolfSSL'][0]}): "
                            "the two never meet in one process")


RULES = {"third-party": check_third_party, "floors": check_floors, "one-crypto": check_one_crypto}
