from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.cli import pictures
from kgraph.cli.drawing import markdown
from kgraph.cli.pictures import Mark
from kgraph.cli.text import one_line, printable
from kgraph.incidents import Label, Report, Section
from kgraph.schema import Entity, Relation

NASTY = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            '"]; click n0 "javascript:alert(1)"',
            "</svg><script>alert(1)</script>",
            'a" onload="x',
            "n0 -->|x| n1\nclick",
            '\\"; evil [label="',
            "\x1b[31mred\x07",
            "%%{init: {}}%%",
            "#quot;",
            "web`rm -rf`",
        ]
    ),
)
_EDGE = re.compile(r"  n\d+ -->\|[A-Z_]+\| n\d+")
_NODE = re.compile(r'  n\d+\["[^"<>\[\]{}|`\\%]*<br/>[^"<>\[\]{}|`\\%]*"\](:::\w+)?')
_DOT = re.compile(r'  n\d+ (-> n\d+ )?\[label="([^"\\]|\\.)*"(, fillcolor="#\w+")?\];')


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def _picture(name: str, uid: str) -> pictures.Picture:
    entities = [Entity(uid, "Host", name), Entity(f"{uid}!", "VirtualMachine", name)]
    relation = Relation(f"{uid}!", "RUNS_ON", uid)
    return pictures.draw(entities, [relation], {uid: Mark.CAUSE})


@given(NASTY, NASTY)
def test_no_name_can_write_mermaid(name: str, uid: str) -> None:
    lines = pictures.mermaid(_picture(name, uid)).removesuffix("\n").split("\n")
    assert len(lines) == 6
    assert all(_NODE.fullmatch(line) for line in lines[1:3])
    assert _EDGE.fullmatch(lines[3])


@given(NASTY, NASTY)
def test_no_name_can_write_graphviz(name: str, uid: str) -> None:
    lines = pictures.dot(_picture(name, uid)).removesuffix("\n").split("\n")
    assert len(lines) == 6
    assert all(_DOT.fullmatch(line) for line in lines[2:5])


@given(NASTY, NASTY)
def test_no_name_can_write_html(name: str, uid: str) -> None:
    def tags(text: str, key: str) -> list[tuple[str, tuple[str, ...]]]:
        parser = _Tags()
        parser.feed(pictures.page(text, _picture(text, key), [("CAUSE", [text])]))
        return parser.seen

    assert tags(name, uid) == tags("plain", "key")


def _star(size: int) -> pictures.Picture:
    """Hosts around one switch, the last of them at fault; each knows each of the ten before."""
    entities = [Entity(str(n), "Host", f"host-{n:04}.example.org") for n in range(size)]
    relations = [
        Relation(str(n), "USES", str(m)) for n in range(size) for m in range(max(0, n - 10), n)
    ]
    return pictures.draw(entities, relations, {str(size - 1): Mark.CAUSE, "0": Mark.HIT})


@pytest.mark.parametrize("size", [3, 60, 400, 3_000])
def test_mermaid_gets_no_more_than_it_takes_and_the_picture_says_what_is_missing(
    size: int,
) -> None:
    picture = _star(size)
    text = pictures.mermaid(picture)
    boxes, arrows = text.count("<br/>"), text.count(" -->|")
    assert len(text) <= 50_000
    assert arrows <= 500
    missing = len(picture.nodes) - boxes, len(picture.edges) - arrows
    told = f"{missing[0]} more entities and {missing[1]} more relations are not drawn"
    assert (told in text) == any(missing)
    assert f"host-{size - 1:04}" in text  # the cause is drawn, whatever is left out
    assert "host-0000" in text


@given(st.text())
def test_nothing_that_steers_a_terminal_is_shown(text: str) -> None:
    shown = printable(text)
    assert "\x1b" not in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert "\n" not in one_line(text)


@given(NASTY)
def test_no_name_can_write_markdown(name: str) -> None:
    report = Report("INC-1", name, (Section(Label.CAUSE, (name,)),))
    for line in markdown(report).splitlines():
        bare = re.sub(r"\\.", "", line.removeprefix("## ").replace("**CAUSE**", ""))
        assert not re.search(r"[`*_\[\]<>]", bare)


def test_an_edge_to_what_is_not_drawn_is_left_out() -> None:
    picture = pictures.draw([Entity("a", "Host", "a")], [Relation("a", "USES", "b")])
    assert picture.edges == ()


def test_a_cycle_is_drawn_too() -> None:
    entities = [Entity(uid, "Service", uid) for uid in "ab"]
    relations = [Relation("a", "CALLS", "b"), Relation("b", "CALLS", "a")]
    assert "<svg" in pictures.page("cycle", pictures.draw(entities, relations))
