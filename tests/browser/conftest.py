"""Chromium for the tests of a module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .looking import browser, lacking

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    missing = lacking()
    if missing:
        line = f"the page needs {', '.join(missing)}: make test-deps, then make test"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(line)
    with browser() as opened:
        yield opened
