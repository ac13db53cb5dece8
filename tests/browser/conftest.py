"""Chromium, and a site that is broken, for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .looking import needed_browser
from .site import Site, broken

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with needed_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where that site has its store."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(folder: Path, chromium: Browser) -> Iterator[Site]:  # noqa: ARG001 - else nothing is
    """One for all tests of a module, which leave it broken or have its repair last."""
    with broken(folder) as found:
        yield found
