"""Templates of messages: JSON with places that are filled in. Pure.

`{title}` is what the notice says; `{plan.id}` goes deeper; `{words.level}` is the template's own
word for it. A text that is one place alone becomes what is there, be it a list or nothing.
Filters: `|json` (as text), `|slack` (its three reserved characters), `|unlinked` (no link of
Markdown, which could show one address and lead to another), `|cut500` (at most so long).
`{{` and `}}` are braces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from kgraph.schema import ConfigurationError
from kgraph.schema.yaml_files import read_yaml

FORMAT = "kgraph.template/v1"
SHIPPED = ("plain", "slack", "teams", "servicenow", "keep")
_PLACE = re.compile(r"\{\{|\}\}|\{([a-zA-Z.]+)((?:\|[a-z]+[0-9]*)*)\}")
_FILTER = re.compile(r"json|slack|unlinked|cut[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Template:
    """How a receiver wants a message.

    Attributes:
        body: JSON with places.
        words: a field of the notice -> what its values are called there.
    """

    body: Any
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def shipped(name: str) -> Template:
    """Load a template of ours."""
    file = files("kgraph.incidents") / "templates" / f"{name}.yaml"
    return parse(file.read_text("utf-8"), where=f"template {name}")


def parse(text: str, where: str) -> Template:
    """Read a template.

    Raises:
        ConfigurationError: no template, or a filter that is not known.
    """
    raw = read_yaml(text, where)
    if not isinstance(raw, dict) or raw.get("format") != FORMAT or "body" not in raw:
        mend = f"it needs format: {FORMAT}, and body"
        raise ConfigurationError("no template", where=where, mend=mend)
    words = raw.get("words", {})
    for place in _PLACE.finditer(json.dumps(raw["body"])):
        for name in filter(None, (place[2] or "").split("|")):
            if not _FILTER.fullmatch(name):
                mend = "known: json, slack, unlinked, cut with a number"
                raise ConfigurationError(f"no filter {name!r}", where=where, mend=mend)
        if (place[1] or "").startswith("words.") and place[1].removeprefix("words.") not in words:
            raise ConfigurationError(f"{place[1]} has no entry under words", where=where)
    return Template(raw["body"], words)


def render(template: Template, document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Fill a template in.

    Raises:
        ConfigurationError: a place that the notice does not have.
    """
    return _filled(template.body, document, template.words)


def _filled(body: Any, document: Mapping[str, Any], words: Mapping[str, Mapping[str, str]]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(body, dict):
        return {name: _filled(value, document, words) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, document, words) for value in body]
    if not isinstance(body, str):
        return body
    alone = _PLACE.fullmatch(body)
    if alone and alone[1]:
        return _value(alone, document, words)

    def text(place: re.Match[str]) -> str:
        if not place[1]:
            return place[0][0]
        value = _value(place, document, words)
        return "" if value is None else str(value)

    return _PLACE.sub(text, body)


def _value(
    place: re.Match[str], document: Mapping[str, Any], words: Mapping[str, Mapping[str, str]]
) -> Any:  # noqa: ANN401 - any JSON
    value = _looked_up(place[1], document, words)
    for name in filter(None, (place[2] or "").split("|")):
        value = _filtered(name, value)
    return value


def _looked_up(
    path: str, document: Mapping[str, Any], words: Mapping[str, Mapping[str, str]]
) -> Any:  # noqa: ANN401 - any JSON
    if path.startswith("words."):
        field_ = path.removeprefix("words.")
        said = str(document.get(field_, ""))
        return words[field_].get(said, said)
    found: Any = document
    for part in path.split("."):
        if found is None:
            return None  # no plan has no id
        if not isinstance(found, Mapping) or part not in found:
            raise ConfigurationError(f"a notice has no {path!r}", mend="docs/serve.md lists them")
        found = found[part]
    return found


def _filtered(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if name == "json":
        return json.dumps(value, ensure_ascii=False)
    text = "" if value is None else str(value)
    if name == "slack":
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if name == "unlinked":
        return text.replace("](", "] (")
    most = int(name.removeprefix("cut"))
    return text if len(text) <= most else text[: most - 1] + "…"
