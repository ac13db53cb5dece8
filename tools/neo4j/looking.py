"""The real Neo4j Browser in Debian's Chromium, driven as a person would: for tests and pictures.

Needs Playwright's Python package and Debian's `chromium`; never part of the wheel.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WAIT = 30_000  # ms; the page is slow when the machine is busy
_SIZE = {"width": 1500, "height": 1080}
# A person's drop, as the page sees it: a file that is let go over the window.
_DROP = """\
([name, content]) => {
  const bytes = Uint8Array.from(atob(content), each => each.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name));
  const target = document.querySelector('.filedrop');
  for (const type of ['dragenter', 'dragover', 'drop'])
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true }));
}"""
_NODES = """\
() => [...document.querySelectorAll('[data-testid="frame"]')[0].querySelectorAll('g.node')]
  .map(node => ({
    caption: [...node.querySelectorAll('text.caption')].map(t => t.textContent).join('').trim(),
    colour: node.querySelector('circle.b-outline').getAttribute('fill'),
  }))"""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A circle in the picture: what is written on it, and its colour as `#rrggbb`."""

    caption: str
    colour: str


def missing() -> list[str]:
    """Return what this machine lacks, one phrase each."""
    lacking = [] if shutil.which("chromium") else ["Debian's chromium"]
    return lacking + ([] if find_spec("playwright") else ["the Python package playwright"])


@contextmanager
def looked_at(url: str) -> Iterator[Window]:
    """Open Neo4j Browser at its address, in a browser of its own without a head."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not everybody has it

    # Chromium refuses its sandbox to root, and CI is root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--force-color-profile=srgb", *sandbox]
        )
        try:
            page = chromium.new_page(viewport=_SIZE)
            page.set_default_timeout(_WAIT)
            page.goto(url)
            yield Window(page)
        finally:
            chromium.close()


class Window:
    """What a person can do in Neo4j Browser."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def connect(self, user: str = "", password: str = "") -> None:
        """Fill in the form; without a password, as a server without authentication wants it."""
        form = self._page
        form.get_by_test_id("boltaddress").wait_for()
        if password:
            form.get_by_test_id("username").fill(user)
            form.get_by_test_id("password").fill(password)
        else:
            form.get_by_test_id("authenticationMethod").select_option("NO_AUTH")
        form.get_by_test_id("connect").click()
        # It greets who is connected.
        form.get_by_test_id("frameCommand").filter(has_text=":play start").wait_for()

    def drop(self, name: str, content: bytes) -> None:
        """Drag a file onto the window, and let it go."""
        self._page.evaluate(_DROP, [name, base64.b64encode(content).decode()])

    def run(self, text: str) -> None:
        """Type a statement or a command, and press the key that runs it."""
        before = self._page.get_by_test_id("frame").count()
        self._page.get_by_test_id("activeEditor").click()
        self._page.keyboard.insert_text(text)
        self._page.keyboard.press("Control+Enter")
        self._page.wait_for_function(
            "n => document.querySelectorAll('[data-testid=\"frame\"]').length > n", arg=before
        )

    def clear(self) -> None:
        """Put away what was shown so far."""
        self._page.get_by_test_id("activeEditor").click()
        self._page.keyboard.insert_text(":clear")
        self._page.keyboard.press("Control+Enter")
        self._page.get_by_test_id("frame").first.wait_for(state="detached")

    def favourites(self) -> list[str]:
        """Open the drawer of favourites; return the names of its folders."""
        self._page.get_by_test_id("navigationFavorites").click()
        folders = self._page.locator("[data-testid^='expandFolder-']")
        folders.first.wait_for()
        names = folders.evaluate_all("all => all.map(each => each.dataset.testid)")
        return [name.removeprefix("expandFolder-") for name in names]

    def nodes(self) -> list[DrawnNode]:
        """Wait until the newest frame has drawn a graph; return its nodes."""
        self._page.locator("g.node").first.wait_for()
        return [DrawnNode(row["caption"], row["colour"]) for row in self._page.evaluate(_NODES)]

    def picture(self, file: Path) -> None:
        """Keep the newest frame, once its graph has come to rest."""
        self._page.wait_for_timeout(4_000)
        self._page.get_by_test_id("frame").first.screenshot(path=str(file))
