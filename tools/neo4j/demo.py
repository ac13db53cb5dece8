"""`make demo-neo4j`: the demo in a real Neo4j on loopback, to be looked at in its Browser."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import socket
import sys
from importlib.util import find_spec

from cypher import queries
from kgraph.cli import run
from tools.neo4j.server import CACHE, Server, ServerError, missing
from tools.ports import free_port

_BOLT, _HTTP = 7687, 7474  # where people expect a Neo4j
_LOOK = "incident/cause_and_victims"


def main(arguments: list[str]) -> int:
    """Start the server, fill it, say where to look, and keep it until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make demo-neo4j", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when everything has been shown")
    once = parser.parse_args(arguments).once
    lacking = missing() + ([] if find_spec("neo4j") else ["the Python driver"])
    if lacking:
        sys.stderr.write(f"a real Neo4j needs {', '.join(lacking)}: make test-deps\n")
        return 1
    home = CACHE / "demo"
    shutil.rmtree(home, ignore_errors=True)
    server = Server(home, _free(_BOLT), _free(_HTTP))
    try:
        _say("starting Neo4j; the first time it is fetched, about 140 MB")
        server.start(auth=False)
        code = run(["--store", server.url, "demo"])
        if code:
            return code
        _say(f"\n== In Neo4j Browser  ({server.browser})")
        _say(f"Connect to {server.url} without a password, and paste this:\n")
        _say(_statement())
        kgraph = ".venv/bin/kgraph"
        _say(f"\nColours, and all queries, to drag onto it:  {kgraph} cypher browser DIR")
        _say(f"From another terminal:  {kgraph} --store {server.url} incidents show INC-0001")
        if not once:
            _say("\nCtrl-C ends it; what is in it is thrown away.")
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    except ServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        server.kill()
    return 0


def _statement() -> str:
    """Return the query without the comments that say what it is for."""
    lines = queries()[_LOOK].text.splitlines()
    return "\n".join(line for line in lines if not line.startswith("//"))


def _free(port: int) -> int:
    """Return that port, or another one where somebody listens already."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", port))
        except OSError:
            return free_port()
    return port


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
