"""What the lab needs of this machine."""

from __future__ import annotations

import importlib.util
import os
import pwd
import subprocess
from pathlib import Path

from tests import real
from tests.lab.lab.storage import SYSTEMD

_TOOLS = (
    "as",
    "dnsmasq",  # libvirtd asks for it when it finds its networks running
    "ip",
    "iptables",
    "ld",
    "libvirtd",
    "mkfs.ext4",
    "mount",
    "nbdkit",
    "nsenter",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "prometheus-libvirt-exporter",
    "prometheus-node-exporter",
    "qemu-img",
    "qemu-nbd",
    "qemu-system-x86_64",
    "setpriv",
    "systemctl",
    "unshare",
)


def missing() -> list[str]:
    """Return what is missing, one phrase each; empty when the lab can start."""
    if os.geteuid() != 0:
        return ["root: namespaces, bridges and libvirtd need it"]
    lacking = real.lacking(*_TOOLS)
    if not Path(SYSTEMD).exists():
        lacking.append(f"systemd ({SYSTEMD})")
    if importlib.util.find_spec("libvirt") is None:
        lacking.append("libvirt-python")
    try:
        pwd.getpwnam("libvirt-qemu")
    except KeyError:
        lacking.append("user libvirt-qemu")
    if not lacking and subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        lacking.append("the right to make namespaces")
    return lacking
