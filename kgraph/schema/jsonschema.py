"""The JSON Schemas of the published formats; `python -m kgraph.schema.jsonschema` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from kgraph.schema.bundle_rows import Bundle
from kgraph.schema.desired import Desired
from kgraph.schema.documents import Document

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORMATS: dict[str, type[BaseModel]] = {
    "kgraph.topology.v1": Document,
    "kgraph.incident.v1": Bundle,
    "kgraph.desired.v1": Desired,
}


def schemas() -> dict[str, str]:
    """Return file name -> the text of its JSON Schema."""
    return {
        f"{name}.schema.json": json.dumps(
            {"$schema": _DIALECT, **model.model_json_schema(), "title": name}, indent=2
        )
        + "\n"
        for name, model in _FORMATS.items()
    }


def main(folder: Path) -> None:
    """Write every schema into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
