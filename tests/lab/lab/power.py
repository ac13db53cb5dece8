"""The lab's power switch, and the fence agent that speaks with it, past all networks."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.lab.lab.hypervisor import Hypervisor

# Reads `name=value` lines, as every fence agent does; 0 is on or done, 2 is off.
_AGENT = """\
import socket, sys
told = dict(line.strip().split("=", 1) for line in sys.stdin if "=" in line)
with socket.socket(socket.AF_UNIX) as switch:
    switch.settimeout(8)
    switch.connect(told["ip"])
    switch.sendall(f"{told['action']} {told['plug']}\\n".encode())
    answer = switch.makefile().readline().strip()
print(answer)
sys.exit({"on": 0, "done": 0, "off": 2}.get(answer, 1))
"""


class PowerSwitch:
    """Answers `status`, `off` and `on` for each host's plug.

    Attributes:
        ordered: what was ordered, in order: `off h1`.
        silent: it hangs up on whoever asks, as a controller does that boots or is overrun.
    """

    def __init__(self, folder: Path, hosts: Mapping[str, Hypervisor]) -> None:
        self.ordered: list[str] = []
        self.silent = False
        self._hosts, self._folder = hosts, folder
        self._agent, self._socket = folder / "fence_lab.py", folder / "power"
        self._agent.write_text(_AGENT)
        switch = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                verb, _, plug = self.rfile.readline().decode().strip().partition(" ")
                if switch.silent:
                    return
                self.wfile.write(f"{switch.switched(verb, plug)}\n".encode())

        self._server = socketserver.ThreadingUnixStreamServer(str(self._socket), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def switched(self, verb: str, plug: str) -> str:
        """Do one order, and say what is so."""
        host = self._hosts[plug]
        if verb == "status":
            return "on" if host.powered else "off"
        self.ordered.append(f"{verb} {plug}")
        if verb == "off":
            host.power_off()
        else:
            host.power_on()
        return "done"

    @property
    def agent(self) -> tuple[str, ...]:
        """The program that speaks with the switch."""
        return sys.executable, str(self._agent)

    def options(self, host: str) -> dict[str, str]:
        """Return what the agent has to be told of a host."""
        return {"ip": str(self._socket), "plug": host}

    def endpoints(self) -> str:
        """Return the endpoints of a kgraph.toml that switch each host."""
        rows = []
        for name, host in self._hosts.items():
            options = ", ".join(f'{key} = "{value}"' for key, value in self.options(name).items())
            rows.append(
                f'[[endpoints]]\nname = "power-{name}"\ntype = "power"\nuri = "{host.uri}"\n'
                f'select = {{kind = "Host", name = "{name}"}}\n[[endpoints.methods]]\n'
                f"agent = {json.dumps(self.agent)}\noptions = {{{options}}}\n"
            )
        return "\n".join(rows)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._socket.unlink(missing_ok=True)
