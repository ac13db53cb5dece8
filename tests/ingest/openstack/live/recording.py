"""What a cloud answers, kept as a file that CI is served again: no token, no address of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from kgraph.web import Asker

FILE = Path(__file__).parents[1] / "recorded.json"
SERVICES = {
    "identity": "identity",
    "compute": "compute",
    "network": "network",
    "block-storage": "volume",
    "placement": "placement",
}


@dataclass
class Recorder:
    """`SERVICE path?query` -> the answer, as JSON.

    Attributes:
        ports: of loopback -> which service it is.
    """

    ports: Mapping[int, str]
    answers: dict[str, Any] = field(default_factory=dict)

    def take(self, address: str, parameters: Mapping[str, str], content: bytes) -> None:
        parts = urlsplit(address)
        query = f"?{urlencode(sorted(parameters.items()))}" if parameters else ""
        name = self.ports[parts.port or 0]
        self.answers[f"{name} {parts.path}{query}"] = json.loads(content)

    def save(self, path: Path = FILE) -> None:
        """Write it; addresses of services become `{SERVICE}`, which a replay fills in."""
        text = json.dumps(self.answers, indent=1, sort_keys=True)
        for port, name in self.ports.items():
            text = re.sub(rf"http://127\.0\.0\.1:{port}(?!\d)", f"{{{name}}}", text)
        path.write_text(text + "\n")


@contextmanager
def recording(ports: Mapping[int, str]) -> Iterator[Recorder]:
    """Take down all that is asked meanwhile."""
    recorder, ask = Recorder(ports), Asker._ask

    def taken(
        self: Asker, method: str, path: str, parameters: Any = None, *more: Any, **named: Any
    ) -> bytes:
        content = ask(self, method, path, parameters, *more, **named)
        url = self.service.url.rstrip("/")
        recorder.take(url if url.endswith(path) else url + path, parameters or {}, content)
        return content

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Asker, "_ask", taken)
        yield recorder
