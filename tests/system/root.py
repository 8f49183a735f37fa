# SPDX-License-Identifier: GPL-2.0-or-later
"""Roots: the one that containers share, a small Debian with systemd and what gangway's packages depend on; and
those in which packages are built. Each is made by debootstrap once, and kept as an archive."""
import fcntl
import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

CACHE = pathlib.Path("/var/cache/gangway")
VERSION = 3  # of what is in it: with another, a root is made anew

PACKAGES = (
    # The system; autopkgtest makes an archive of the packages that it tries.
    "systemd", "systemd-sysv", "dbus", "dbus-broker", "libnss-systemd", "libpam-systemd", "polkitd", "udev", "iproute2",
    "procps", "netbase", "apt-utils",
    # What our packages depend on.
    "libeconf0", "libjansson4", "libmosquitto1", "libnl-3-200", "libqrencode4", "libsqlite3-0", "libssl3",
    "libzbar0", "libjpeg62-turbo", "libpng16-16",
    # What stands elsewhere in the tests, and the language of what is run in there.
    "mosquitto", "python3",
)
TIME64 = {"libssl3": "libssl3t64", "libpng16-16": "libpng16-16t64", "libzbar0": "libzbar0t64"}
KERNEL_PACKAGES = ("linux-image-cloud-amd64", "initramfs-tools", "kmod")
DISK_SIZE = "2G"  # most of it holes
GUEST = pathlib.Path(__file__).with_name("guest.py")
GUEST_UNIT = """\
[Unit]
DefaultDependencies=no
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/python3 -B /usr/local/lib/guest.py
Restart=always
RestartSec=200ms
OOMScoreAdjust=-1000
[Install]
WantedBy=sysinit.target
"""
FORMER = {"bookworm"}  # releases in which these still had their old names


SCRATCH = ("/dev/shm", tempfile.gettempdir())
SCRATCH_MIN = 1 << 30  # bytes


def scratch_folder(prefix):
    """In memory if there is enough of it: packages are installed with a sync for each file."""
    parent = next((p for p in SCRATCH[:-1] if os.path.isdir(p) and shutil.disk_usage(p).free >= SCRATCH_MIN),
                  SCRATCH[-1])
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


class Unavailable(Exception):
    """No root can be had; says why."""


def mirrors():
    """The archives of Debian that this machine itself uses."""
    known = subprocess.run(["apt-get", "indextargets", "--no-release-info", "--format",
                            "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"],
                           capture_output=True, text=True)
    if known.returncode != 0:
        raise Unavailable("no apt here that knows a mirror")
    uris = [line.split()[0] for line in known.stdout.splitlines() if line.endswith(" main")]
    return list(dict.fromkeys(uri for uri in uris if "security" not in uri))


def _packages(release):
    return [p if release in FORMER else TIME64.get(p, p) for p in PACKAGES]


def _bootstrap(release, folder, packages):
    """The first mirror of the machine's that has the release, under Debian's keys."""
    why = "apt's sources name no archive"
    for mirror in mirrors():
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(packages)}",
                               release, folder, mirror], capture_output=True, text=True)
        if done.returncode == 0:
            return
        why = (done.stdout + done.stderr).strip().splitlines()[-1]
        shutil.rmtree(folder, ignore_errors=True)
    raise Unavailable(f"debootstrap: {why}")


def _tidy(root):
    """What no test needs, or what would do something by itself."""
    for path in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / path, ignore_errors=True)
        (root / path / "partial").mkdir(parents=True)
    (root / "etc/machine-id").write_text("")
    subprocess.run(["systemctl", f"--root={root}", "disable", "mosquitto.service", "dbus-broker.service"], check=True,
                   capture_output=True)
    subprocess.run(["systemctl", f"--root={root}", "mask", "apt-daily.timer", "apt-daily-upgrade.timer",
                    "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "console-getty.service"],
                   check=True, capture_output=True)


def _make_system(release, root):
    _bootstrap(release, root, _packages(release))
    _tidy(root)


def enter(root, *words, network=False):
    """The command that runs these words in a root, where nothing of it outlives them."""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"]),
            f"--root={root}", "--wd=/", "--mount-proc", "env", "--ignore-environment", "HOME=/root",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *words]


def _run_in(root, *commands):
    """With a network, and what this machine's apt needs to use it."""
    settings = subprocess.run(["apt-config", "dump", "--format", '%F "%v";%n', "Acquire"], check=True,
                              capture_output=True, text=True).stdout
    (root / "etc/apt/apt.conf.d/machine").write_text(settings)
    for words in commands:
        done = subprocess.run(enter(root, *words, network=True), capture_output=True, text=True)
        if done.returncode != 0:
            raise Unavailable(f"{shlex.join(words[:2])}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def _make_builder(release, root, source):
    """Where one may build that source package, a .dsc."""
    _bootstrap(release, root, ("build-essential",))
    shutil.copy(source, root / "tmp/source.dsc")
    _run_in(root, ("apt-get", "update"),
            ("apt-get", "build-dep", "--yes", "--no-install-recommends", "/tmp/source.dsc"),
            ("useradd", "--create-home", "builder"))


def _made_once(path, make):
    """That path of the cache; where there is none, make(folder, part) makes it as `part`, and may use `folder`."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "system.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path
        if os.getuid() != 0:
            raise Unavailable("only root can make a root file system")
        if not shutil.which("debootstrap"):
            raise Unavailable("no debootstrap: run scripts/setup")
        print(f"system: making {path}, which takes a minute", flush=True)
        folder = scratch_folder("gangway-root-")
        try:
            part = path.with_suffix(".part")
            make(folder, part)
            part.rename(path)
        finally:
            shutil.rmtree(folder)
    return path


def _cached(name, make):
    """The archive of that name; where there is none, of a root that make(folder) makes."""
    def make_archive(folder, part):
        make(folder / "root")
        subprocess.run(["tar", "--create", f"--file={part}", "--one-file-system", "--xattrs",
                        f"--directory={folder}/root", "."], check=True)
    return _made_once(CACHE / f"{name}.tar", make_archive)


def _unpack(archive, folder):
    folder.mkdir()
    subprocess.run(["tar", "--extract", f"--file={archive}", "--xattrs", "--numeric-owner",
                    f"--directory={folder}"], check=True)
    return folder


def unpack(release, folder):
    """The root that machines share."""
    return _unpack(_cached(f"system-{release}-{VERSION}", lambda root: _make_system(release, root)), folder)


def unpack_builder(release, folder, source):
    """One to build a source package in, a .dsc: without a network, and with all that it needs for that."""
    needs = next(line for line in source.read_text().splitlines() if line.startswith("Build-Depends:"))
    name = f"builder-{release}-{hashlib.sha256(needs.encode()).hexdigest()[:12]}"
    return _unpack(_cached(name, lambda root: _make_builder(release, root, source)), folder)


# --- for virtual machines ---

def _tidy_boot(root):
    """Of the modules the first file system of the kernel only gets those for a disk; who calls us listens there."""
    (root / "etc/initramfs-tools/conf.d/machine").write_text("MODULES=list\nCOMPRESS=gzip\n")
    (root / "etc/initramfs-tools/modules").write_text("virtio_pci\nvirtio_blk\next4\n")
    shutil.copy(GUEST, root / "usr/local/lib/guest.py")
    (root / "etc/systemd/system/guest.service").write_text(GUEST_UNIT)
    _run_in(root, ("update-initramfs", "-u"),
            ("systemctl", "enable", "guest.service"), ("systemctl", "mask", "serial-getty@ttyS0.service"))
    (root / "etc/apt/apt.conf.d/machine").unlink()


def _make_virtual(base, folder, part):
    root = _unpack(base, folder / "root")
    _run_in(root, ("apt-get", "update"),
            ("apt-get", "install", "--yes", "--no-install-recommends", *KERNEL_PACKAGES))
    _tidy(root)
    _tidy_boot(root)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy(next((root / "boot").glob(f"{name}-*")), part / name)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, part / "disk", DISK_SIZE], check=True)


def virtual(release):
    """The folder with what a virtual machine starts from: `disk`, `vmlinuz` and `initrd.img`."""
    base = _cached(f"system-{release}-{VERSION}", lambda root: _make_system(release, root))
    digest = hashlib.sha256(GUEST.read_bytes() + GUEST_UNIT.encode()).hexdigest()[:12]
    return _made_once(CACHE / f"virtual-{release}-{VERSION}-{digest}",
                      lambda folder, part: _make_virtual(base, folder, part))
