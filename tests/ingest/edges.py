"""A real HAProxy and the web servers behind it, as tests of several parts start them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# How long a proxy of a test waits, and what it balances; a test adds its own servers.
DEFAULTS = """\
defaults
  mode http
  timeout connect 300ms
  timeout client 2s
  timeout server 2s
"""


def stats(folder: object) -> str:
    """Return the part of a configuration that opens its statistics in a folder."""
    return f"global\n  stats socket {folder}/s mode 600\n"


def frontend(port: int, backend: str) -> str:
    """Return the part that takes requests for a backend at a port of loopback."""
    return f"frontend shop\n  bind 127.0.0.1:{port}\n  default_backend {backend}\n"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Say nothing."""


def web_server() -> ThreadingHTTPServer:
    """Start a web server that answers `ok` to everything; whoever asks for it ends it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@contextmanager
def web_servers(count: int) -> Iterator[list[ThreadingHTTPServer]]:
    """Run some of them; those that were ended already stay so."""
    servers = [web_server() for _ in range(count)]
    try:
        yield servers
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
