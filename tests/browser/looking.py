"""The page in Debian's Chromium, as a person sees it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.real import absent
from tools.neo4j.looking import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".page/node_modules/axe-core/axe.min.js"
BUILT = ROOT / "kgraph/server/static/index.html"
LAPTOP, PHONE = (1360, 900), (390, 844)
_WAIT = 90_000  # ms; the machine may be busy
# Looking whether somebody has logged in is refused where nobody has: the page is made for it.
_EXPECTED = "status of 401"


def lacking() -> list[str]:
    """Return what this machine lacks, one phrase each."""
    return missing() + ([] if BUILT.exists() and AXE.exists() else ["the built page (make page)"])


def needed() -> None:
    """What the machine lacks skips a test, and under CI fails it."""
    missing = lacking()
    if missing:
        absent(f"the page needs {', '.join(missing)}: make test-deps, then make test")


@contextmanager
def needed_browser() -> Iterator[Browser]:
    """Start it for tests, where it is there."""
    needed()
    with browser() as opened:
        yield opened


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium without a head."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not everybody has it

    # Chromium refuses its sandbox to root, and CI is root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--force-color-profile=srgb", *sandbox]
        )
        try:
            yield chromium
        finally:
            chromium.close()


class Window:
    """One person's window.

    Args:
        expected: what the browser may say on its console, however often, and is no complaint.

    Attributes:
        complaints: what the browser said on its console, and scripts that failed.
        asked: the addresses that were asked for.
    """

    def __init__(
        self,
        chromium: Browser,
        url: str,
        size: tuple[int, int] = LAPTOP,
        colours: Literal["light", "dark"] = "light",
        expected: str = _EXPECTED,
    ) -> None:
        self.url = url
        self._expected = {_EXPECTED, expected}
        self.context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=colours,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(_WAIT)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda said: self._hear(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, type_: str, text: str) -> None:
        known = any(each in text for each in self._expected)
        if type_ in {"error", "warning"} and not known:
            self.complaints.append(text)

    def go(self, path: str) -> None:
        """Open an address of the service."""
        self.page.goto(f"{self.url}{path}")

    def log_in(self, token: str, path: str = "/") -> None:
        """Open an address, and log in there."""
        self.go(path)
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("navigation", name="Main").wait_for()

    def drawn(self) -> None:
        """Wait until the picture of an incident is drawn."""
        self.page.wait_for_function(
            "() => performance.getEntriesByName('kgraph:drawn').length > 0"
        )

    def violations(self, within: str = "html") -> list[str]:
        """Return what axe-core finds against WCAG 2.2 A and AA, one line each."""
        self.page.evaluate(AXE.read_text())
        found: list[dict[str, Any]] = self.page.evaluate(
            "async (within) => (await axe.run(within, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',"
            " 'wcag21aa', 'wcag22aa', 'best-practice']})).violations",
            within,
        )
        return [
            f"{row['id']}: {row['help']}: {node['html'][:200]}"
            for row in found
            for node in row["nodes"]
        ]

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        found: int = self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return found

    def close(self) -> None:
        """Close it; what a test still answers in the service's place is that test's alone."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.context.close()
