"""The page of an incident: whole, safe, and of one file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.real import absent
from tools.neo4j.looking import missing

Run = Callable[..., Any]  # see conftest
EVIL = "<script>alert(1)</script>\"'><img src=//evil.example/x onerror=alert(2)>"
_EMPTY = frozenset({"meta", "img", "br", "rect", "path", "link", "input", "hr"})


class _Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.stack: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _EMPTY:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _names(bundle: str, name: str) -> str:
    """A bundle with its own entities, all of them named so."""
    found = json.loads(bundle)
    uids = [f"v{n}" for n in range(1, 5)]
    found["entities"] = [
        {"id": "x", "kind": "StorageExport", "name": name},
        {"id": "h1", "kind": "Host", "name": name},
        {"id": "h2", "kind": "Host", "name": name},
        *({"id": uid, "kind": "VirtualMachine", "name": f"{name}{uid}"} for uid in uids),
    ]
    found["relations"] = [{"from": uid, "type": "STORED_ON", "to": "x"} for uid in uids]
    for row in found["observations"]:
        row["detector"] = name
    return json.dumps(found)


@pytest.fixture
def page(run: Run, work: Path, bundle: Callable[..., str]) -> Callable[[str], str]:
    def written(name: str) -> str:
        path = work / "named.json"
        path.write_text(_names(bundle(), name), "utf-8")
        done = run("investigate", "--bundle", path, "-o", "html")
        assert done.code == 0, done.err
        return str(done.out)

    return written


def test_the_page_says_cause_reason_and_next_step_before_anything_else(
    page: Callable[[str], str],
) -> None:
    text = page("store")
    places = [text.index(f"<dt>{label}</dt>") for label in ("CAUSE", "WHY", "NEXT")]
    assert places == sorted(places)
    assert places[-1] < text.index("<svg") < text.index("<dt>FOR</dt>") < text.index("Time line")


def test_the_page_is_well_formed_and_has_a_picture_of_every_victim(
    page: Callable[[str], str],
) -> None:
    found = _Page(page("store"))
    assert found.stack == []
    assert found.tags["svg"] == 1
    assert found.tags["rect"] == 5
    assert "lang" in {name for tag, name, _ in found.attributes if tag == "html"}


def test_no_name_becomes_a_tag_and_no_other_host_is_named(page: Callable[[str], str]) -> None:
    plain, hostile = _Page(page("store")), _Page(page(EVIL))
    assert hostile.tags == plain.tags
    assert not {"script", "img", "link", "iframe", "a", "object"} & set(hostile.tags)
    for _, name, value in hostile.attributes:
        assert not name.startswith("on")
        assert name not in {"src", "href", "srcset", "action", "style"}
        assert name == "aria-label" or "evil" not in value
    assert any("<script>alert(1)</script>" in text for text in hostile.text)  # it is shown


def test_the_policy_lets_in_nothing_but_the_style_that_is_there(
    page: Callable[[str], str],
) -> None:
    text = page("store")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    assert "url(" not in style[1]
    assert "prefers-color-scheme:dark" in style[1]


def test_all_parts_open_with_the_keyboard_alone(page: Callable[[str], str]) -> None:
    found = _Page(page("store"))
    assert found.tags["details"] == found.tags["summary"] >= 5
    wide = [value for _, name, value in found.attributes if name == "class" and value == "wide"]
    focusable = [value for _, name, value in found.attributes if name == "tabindex"]
    assert len(wide) == len(focusable) >= 1


@pytest.mark.browser
def test_a_browser_draws_it_in_the_dark_on_a_phone_and_complains_of_nothing(
    page: Callable[[str], str], tmp_path: Path
) -> None:
    lacking = missing()
    if lacking:
        absent(f"a browser needs {', '.join(lacking)}: make test-deps, then make test")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not everybody has it

    file = tmp_path / "incident.html"
    file.write_text(page(EVIL), "utf-8")
    told: list[str] = []
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        phone = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark")
        window = phone.new_page()
        window.on("console", lambda message: told.append(message.text))
        window.on("request", lambda request: told.append(request.url))
        window.goto(file.as_uri())
        width = window.evaluate("document.documentElement.scrollWidth")
        paper = window.evaluate("getComputedStyle(document.body).backgroundColor")
        window.keyboard.press("Tab")  # the picture, which scrolls
        focused = window.evaluate("document.activeElement.className")
        browser.close()
    assert told == [file.as_uri()]
    assert width <= 360
    assert paper == "rgb(22, 22, 22)"
    assert focused == "wide"
