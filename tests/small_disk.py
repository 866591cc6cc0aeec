"""A small file system of a process' own, which is full at first and gets more room step by step.

It is in memory, and needs no rights: the process has a user and a mount namespace to itself, with which it goes.
"""

import ctypes
import json
import os
from pathlib import Path

from relabel_project import data_files, go, table
from weaklabel.errors import OutputError, WeakLabelError

_NEW_MOUNTS, _NEW_USER, _REMOUNT = 0x00020000, 0x10000000, 32
MOST = 4096
"""Kilobytes that are more than enough."""


def own_namespace():
    """Take this process, which has one thread, where it may mount; an OSError says that this system forbids it."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NEW_USER | _NEW_MOUNTS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def mount(place, size, *, again=False):
    """Mount a file system of so many kilobytes; with `again`, give the one that is there another size."""
    _call("mount", b"tmpfs", str(place).encode(), b"tmpfs", _REMOUNT * again, f"size={size}k".encode())


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in arguments]
    if getattr(libc, name)(*given):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def grow(project, step, report):
    """Relabel with more and more room until it is done; write down what each attempt came to and left."""
    home, found = Path(project) / ".weaklabel", []
    try:
        own_namespace()
        mount(home, step)
    except OSError as error:
        Path(report).write_text(json.dumps({"forbidden": str(error)}))
        return
    for size in range(step, MOST, step):
        mount(home, size, again=True)
        found.append({"size": size, **_attempt(Path(project), home)})
        if found[-1]["outcome"] == "relabeled":
            break
    data = {name: data.hex() for name, data in data_files(Path(project)).items()}
    again = go(Path(project)).outcome
    Path(report).write_text(json.dumps({"attempts": found, "data": data, "again": again}))


def _attempt(project, home):
    try:
        outcome, said = go(project).outcome, []
    except WeakLabelError as error:
        outcome, said = "full" if isinstance(error, OutputError) else "error", [str(error)]
    result = {"outcome": outcome, "said": said, "version": table(project).version()}
    return result | {"left": [path.name for path in home.rglob("*") if ".tmp" in path.name]}
