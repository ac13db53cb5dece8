"""The recorded answers of real services (`make test-openstack` takes them anew), served again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.ingest.web import Recorded, serving

FILE = Path(__file__).with_name("recorded.json")
_TOKEN = {"X-Subject-Token": "t0ken"}


@contextmanager
def replayed() -> Iterator[Recorded]:
    """Serve them, all services on one port; each by the first part of its path."""
    rows: defaultdict[str, dict[tuple[tuple[str, str], ...], Any]] = defaultdict(dict)
    for asked, answer in json.loads(FILE.read_text()).items():
        service, _, rest = asked.partition(" ")
        parts = urlsplit(rest)
        rows[f"/{service}{parts.path}"][tuple(sorted(parse_qsl(parts.query)))] = answer
    with serving({}, _TOKEN) as served:
        for path, answers in rows.items():
            served.answers[path] = _answering(answers, served)
        yield served


def _answering(answers: dict[tuple[tuple[str, str], ...], Any], served: Recorded) -> Any:
    def answer(parameters: dict[str, str]) -> Any:
        found = answers.get(tuple(sorted(parameters.items())))
        if found is None:
            return None
        text = json.dumps(found)
        for name in ("identity", "compute", "network", "volume", "placement"):
            text = text.replace(f"{{{name}}}", f"{served.url}/{name}")
        return text

    return answer
