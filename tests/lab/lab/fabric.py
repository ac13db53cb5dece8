"""The storage network: a bridge that all hosts are plugged into, and the NBD server on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab.lab.processes import end, run, spawn, wait_for

ADDRESS = "10.77.0.1"
NBD_PORT = 10809
EXPORT = "vmstore"
EXPORT_ADDRESS = f"nbd://{ADDRESS}:{NBD_PORT}/{EXPORT}"


class Fabric:
    """A network namespace with one bridge; `image` is the raw disk that it exports."""

    def __init__(self, folder: Path, image: Path) -> None:
        self._folder, self._image = folder, image
        self._holder = spawn(["unshare", "--net", "sleep", "infinity"], folder / "fabric.log")
        self._server: subprocess.Popen[bytes] | None = None
        wait_for("the fabric's namespace", self._separate)
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "link", "add", "br0", "type", "bridge")
        self.inside("ip", "addr", "add", f"{ADDRESS}/24", "dev", "br0")
        self.inside("ip", "link", "set", "br0", "up")

    def inside(self, *command: str) -> str:
        """Run a command on the fabric."""
        return run("nsenter", "-t", str(self._holder.pid), "-n", *command)

    def plug(self, namespace: int, number: int) -> str:
        """Give a network namespace, named by a pid in it, an eth0; return its address."""
        address, port = f"10.77.0.{10 + number}", f"port{number}"
        self.inside(
            *("ip", "link", "add", port, "type", "veth"),
            *("peer", "name", "eth0", "netns", str(namespace)),
        )
        self.inside("ip", "link", "set", port, "master", "br0", "up")
        enter = ("nsenter", "-t", str(namespace), "-n", "ip")
        run(*enter, "link", "set", "lo", "up")
        run(*enter, "addr", "add", f"{address}/24", "dev", "eth0")
        run(*enter, "link", "set", "eth0", "up")
        return address

    @property
    def exporting(self) -> bool:
        """Whether the NBD server runs."""
        return self._server is not None and self._server.poll() is None

    def start_export(self) -> None:
        """Serve the image to up to 16 clients at once."""
        if self.exporting:
            return
        command = ["nsenter", "-t", str(self._holder.pid), "-n", "qemu-nbd", "--persistent"]
        command += ["--shared=16", f"--bind={ADDRESS}", f"--port={NBD_PORT}"]
        command += [f"--export-name={EXPORT}", "--format=raw", "--cache=writeback"]
        self._server = spawn([*command, str(self._image)], self._folder / "nbd.log")
        wait_for("the NBD export", self._listening)

    def kill_export(self) -> None:
        """Kill the NBD server as a crash would."""
        if self._server is not None:
            end(self._server)

    def close(self) -> None:
        """End the server and the network."""
        self.kill_export()
        end(self._holder)

    def _separate(self) -> bool:
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{self._holder.pid}/ns/net")
        return theirs.readlink() != ours.readlink()

    def _listening(self) -> bool:
        return f"{ADDRESS}:{NBD_PORT}" in self.inside("ss", "-ltn")
