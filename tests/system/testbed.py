#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""testbed.py PID: has autopkgtest try things on a machine of ours that runs, the one with this first process."""
import sys

sys.path.insert(0, "/usr/share/autopkgtest/lib")
import VirtSubproc


def hook_open():
    VirtSubproc.auxverb = ["nsenter", f"--target={sys.argv[1]}", "--all", "--root", "--wd", "--"]


def hook_downtmp(path):
    return VirtSubproc.downtmp_mktemp(path)


def hook_cleanup():
    VirtSubproc.downtmp_remove()


def hook_capabilities():
    return ["isolation-container", "root-on-testbed"]


if __name__ == "__main__":
    VirtSubproc.main()
