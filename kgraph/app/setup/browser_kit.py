"""What Neo4j Browser takes by drag and drop: a style sheet, favourites, and a guide to both.

Browser 5.24 takes `.grass` (a style sheet) and `.zip` (favourites in folders). A style sheet sees
labels only, so what the likeliest hypothesis of an open incident blames has the label `Cause`.
"""

from __future__ import annotations

import colorsys
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cypher import Query
from kgraph.schema import GENERIC, KINDS, InputError

STYLE, FAVOURITES, GUIDE = "kgraph.grass", "kgraph-favourites.zip", "guide.md"
FILES = (STYLE, FAVOURITES, GUIDE)
CAUSE = "#d7191c"
_INCIDENT, _HYPOTHESIS, _PLAN, _PAST = "#2b2b2b", "#f4a582", "#3b7a57", "#c8c8c8"
# Hues from orange to violet: red is for causes. Kinds that are declared next to each other belong
# together and get neighbouring hues; three degrees of lightness keep them apart.
_FIRST_HUE, _LAST_HUE = 32 / 360, 300 / 360
_LIGHTNESS = (0.38, 0.55, 0.72)
_LONG_AGO = (2020, 1, 1, 0, 0, 0)  # in the archive, so that it is the same each time


def kit(queries: Mapping[str, Query]) -> dict[str, bytes]:
    """Return file name -> content."""
    return {
        STYLE: style_sheet().encode(),
        FAVOURITES: favourites(queries),
        GUIDE: guide(queries).encode(),
    }


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a folder that holds nothing else.

    Raises:
        InputError: it holds something else, or cannot be written; then nothing was written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(entry.name for entry in folder.iterdir() if entry.name not in files)
        if others:
            raise InputError(
                f"the folder holds other things: {', '.join(others[:3])}",
                where=str(folder),
                mend="name a new or an empty one",
            )
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        told = error.strerror or str(error)
        raise InputError(told, where=str(folder), mend="name a folder of yours") from error


def style_sheet() -> str:
    """Return a style sheet: a colour for each kind, names as captions, red for current causes."""
    kinds = [kind for kind in KINDS if kind != GENERIC]
    colours = {kind: _colour(n, len(kinds)) for n, kind in enumerate(kinds)}
    rules = [
        _rule("node", diameter="50px", color="#a5abb6", caption='"{name}"'),
        *(_node(kind, colour) for kind, colour in colours.items()),
        _node("Incident", _INCIDENT, caption='"{id}"', diameter="70px"),
        _node("Hypothesis", _HYPOTHESIS, caption='"{posterior}"'),
        _node("Plan", _PLAN, caption='"{state}"'),
        _node("PastRelation", _PAST, caption='"{type}"', diameter="30px"),
        _node("Cause", CAUSE, diameter="80px"),
        _relation("", "#8a8f99", "<type>", 1),
        _relation("EXPLAINED_BY", CAUSE, "{posterior}", 4),
        _relation("BLAMES", CAUSE, "{mode}", 3),
        _relation("HITS", "#f08030", "{mode}", 2),
    ]
    return "\n".join(rules)


def favourites(queries: Mapping[str, Query]) -> bytes:
    """Return an archive with one folder for each topic; Browser shows a query's first line."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, query in sorted(queries.items()):
            entry = zipfile.ZipInfo(f"kgraph {name.replace('_', ' ')}.cypher", _LONG_AGO)
            archive.writestr(entry, query.text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def guide(queries: Mapping[str, Query]) -> str:
    """Return how to use the other files, and what the picture means."""
    listed = []
    for topic in sorted({query.topic for query in queries.values()}):
        listed.append(f"- **{topic.replace('_', ' ')}**")
        listed += [f"  - {_asked(query)}" for query in queries.values() if query.topic == topic]
    return _GUIDE.format(style=STYLE, favourites=FAVOURITES, queries="\n".join(listed))


def _asked(query: Query) -> str:
    asks = ", ".join(f"`${row.name}`" for row in query.params)
    return f"{query.title} Asks for {asks}." if asks else query.title


def _node(label: str, colour: str, **more: str) -> str:
    properties = {"caption": '"{name}"', **more}
    return _rule(f"node.{label}", **_painted(colour), **properties)


def _relation(type_: str, colour: str, caption: str, width: int) -> str:
    return _rule(
        "relationship" + (f".{type_}" if type_ else ""),
        color=colour,
        shaft_width=f"{width}px",
        font_size="8px",
        padding="3px",
        text_color_external="#000000",
        text_color_internal="#ffffff",
        caption=f'"{caption}"',
    )


def _rule(selector: str, **properties: str) -> str:
    rows = "".join(f"  {name.replace('_', '-')}: {value};\n" for name, value in properties.items())
    return f"{selector} {{\n{rows}}}\n"


def _painted(colour: str) -> dict[str, str]:
    return {
        "color": colour,
        "border_color": _darker(colour),
        "text_color_internal": "#ffffff" if _luminance(colour) < 0.5 else "#000000",
    }


def _colour(position: int, count: int) -> str:
    hue = _FIRST_HUE + (_LAST_HUE - _FIRST_HUE) * position / max(1, count - 1)
    return _hex(*colorsys.hls_to_rgb(hue, _LIGHTNESS[position % len(_LIGHTNESS)], 0.55))


def _darker(colour: str) -> str:
    return _hex(*(channel * 0.75 for channel in _channels(colour)))


def _luminance(colour: str) -> float:
    red, green, blue = _channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(red: float, green: float, blue: float) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in (red, green, blue))


_GUIDE = """\
# kgraph in Neo4j Browser
1. Drag `{style}` onto the Browser's window: a colour for each kind, names as captions.
   `:style reset` takes it back.
2. Drag `{favourites}` onto it: the queries, one folder for each topic, under the star
   on the left.
3. What asks for `$uid` wants it set before: `:param uid => '899f9b3d86d1f05d'`. The query of
   names, or `kgraph graph find NAME`, finds one. A time is set as
   `:param since => datetime() - duration('PT2H')`, now as `:param until => datetime()`.

Begin with "The newest incident with its likeliest cause": the incident is black, **red is what
is to blame now**, orange arrows lead to who is hit, grey ones read from a dependent to what it
needs. Double-click a node to see what else it is joined to. What has closed has no relations any
longer; it is a `PastRelation` node.

Nothing here changes the graph, but for "Make sure that a uid names one node", which adds a
constraint that kgraph has made already. Write to the graph with kgraph alone.

## The queries
{queries}
"""
