"""A web service of recorded answers, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Recorded:
    """Path -> answer: a text as it is, anything else as JSON, None: 404.

    Attributes:
        asked: (path, parameters) in their order.
        headers: of the last question.
    """

    answers: dict[str, Any]
    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, path: str, parameters: dict[str, str]) -> object:
        """Answer a question; a function is asked with its parameters."""
        self.asked.append((path, parameters))
        found = self.answers.get(path)
        return found(parameters) if callable(found) else found


@contextmanager
def serving(
    answers: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Iterator[Recorded]:
    """Answer GET and POST alike; `headers` are in every answer."""
    told = dict(headers or {})
    recorded = Recorded(dict(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            recorded.headers = dict(self.headers)
            content = recorded.answer(parts.path, dict(parse_qsl(parts.query)))
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(text.encode())))
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    recorded.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield recorded
    finally:
        server.shutdown()
        server.server_close()
