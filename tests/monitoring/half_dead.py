"""A proxy before a real Prometheus whose answers become slow, sick, cut off, of another time."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

Faulty = Callable[[str], bool]  # told the query: is the answer to it to be spoilt?


class HalfDead:
    """What it does to answers.

    Attributes:
        refuses: these are answered with 500.
        cuts: these end in the middle, although more was promised.
        slow: these wait so many seconds for their first byte.
        warns: these come with a warning of Prometheus's own.
        ahead: seconds that its clock is ahead of ours.
    """

    def __init__(self, url: str) -> None:
        self.behind, self.url = url, ""
        self.refuses: Faulty = lambda _: False
        self.cuts: Faulty = lambda _: False
        self.warns: Faulty = lambda _: False
        self.slow, self.ahead = 0.0, 0.0

    def answer(self, path: str, body: bytes) -> bytes:
        """Ask the real one, in its own time."""
        form = dict(parse_qsl(body.decode()))
        for key in ("start", "end"):
            if key in form:
                form[key] = str(float(form[key]) - self.ahead)
        data = urllib.parse.urlencode(form).encode()
        asked = urllib.request.Request(f"{self.behind}{path}", data or None)  # noqa: S310
        with urllib.request.urlopen(asked, timeout=30) as found:  # noqa: S310 - on loopback
            answer = json.load(found)
        if answer["data"]["resultType"] == "scalar":
            answer["data"]["result"][0] += self.ahead
        for series in answer["data"]["result"] if "start" in form else ():
            series["values"] = [[at + self.ahead, value] for at, value in series["values"]]
        if self.warns(form.get("query", "")):
            answer["warnings"] = ["remote read: one store did not answer"]
        return json.dumps(answer).encode()


@contextmanager
def half_dead(url: str) -> Iterator[HalfDead]:
    spoilt = HalfDead(url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass(b"")

        def do_POST(self) -> None:
            self._pass(self.rfile.read(int(self.headers["Content-Length"])))

        def _pass(self, body: bytes) -> None:
            query = dict(parse_qsl(body.decode())).get("query", "")
            if spoilt.refuses(query):
                self.send_error(500)
                return
            content = spoilt.answer(self.path, body)
            time.sleep(spoilt.slow if query else 0)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if spoilt.cuts(query) else content)

        def log_message(self, *_: object) -> None:
            return  # a test's output is the test's

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    spoilt.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield spoilt
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
