"""The recorded answers of real services (`make test-openstack` takes them anew), served again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.ingest.web import Recorded, serving

FILE = Path(__file__).with_name("recorded.json")
Answer = Callable[[dict[str, str]], Any]
_TOKEN = {"X-Subject-Token": "t0ken"}


@contextmanager
def replayed() -> Iterator[Recorded]:
    """Serve them, all services on one port, each by the first part of its path."""
    with serving({}, _TOKEN) as served:
        for path, answer in answers().items():
            served.answers[path] = _addressed(answer, served)
        yield served


def answers() -> dict[str, Answer]:
    """Return path -> what answers its questions, by their parameters; None: nothing is there."""
    rows: defaultdict[str, dict[tuple[tuple[str, str], ...], Any]] = defaultdict(dict)
    for asked, answer in json.loads(FILE.read_text()).items():
        service, _, rest = asked.partition(" ")
        parts = urlsplit(rest)
        rows[f"/{service}{parts.path}"][tuple(sorted(parse_qsl(parts.query)))] = answer
    return {path: _answering(found) for path, found in rows.items()}


def addressed(text: str, url: str) -> str:
    """Fill in where the services are."""
    for name in ("identity", "compute", "network", "volume", "placement"):
        text = text.replace(f"{{{name}}}", f"{url}/{name}")
    return text


def _answering(found: dict[tuple[tuple[str, str], ...], Any]) -> Answer:
    return lambda parameters: found.get(tuple(sorted(parameters.items())))


def _addressed(answer: Answer, served: Recorded) -> Answer:
    def told(parameters: dict[str, str]) -> Any:
        found = answer(parameters)
        return None if found is None else addressed(json.dumps(found), served.url)

    return told
