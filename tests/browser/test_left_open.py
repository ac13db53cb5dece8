"""The page left open for hours, on a phone that sleeps: nothing old looks fresh."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kgraph.app.service.tokens import Role

from .looking import PHONE, Window
from .site import Site, token_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.served]


@pytest.fixture
def opened(chromium: Browser, site: Site) -> Iterator[Window]:
    """A phone; what the browser says of a network that is away is part of each test."""
    made = Window(chromium, site.served.url, PHONE)
    yield made
    made.close()


@pytest.fixture
def operator(folder: Path, site: Site) -> str:  # noqa: ARG001 - it makes the store
    return token_for(folder, Role.OPERATOR)


def live(page: Page) -> None:
    page.get_by_text("Live", exact=True).wait_for()


def sleeps(window: Window) -> None:
    """Let the network go, and so much time pass that nobody is believed to be there."""
    window.context.set_offline(True)
    window.page.clock.fast_forward(45_000)
    window.page.get_by_text("Not live: what you see may be old").wait_for()


def wakes(window: Window) -> None:
    window.context.set_offline(False)
    window.page.clock.fast_forward(60_000)


def test_what_happened_while_the_phone_slept_is_shown_once_it_is_live_again(
    opened: Window, operator: str, site: Site
) -> None:
    page = opened.page
    page.clock.install()
    opened.log_in(operator)
    page.get_by_role("heading", name="1 open incident").wait_for()
    page.reload()  # from now on it has heard no event behind which it could go on
    live(page)
    sleeps(opened)
    taken = {"note": "at stor1"}
    path = "/api/v1/incidents/INC-0001/acknowledgement"
    assert site.served.client.put(path, json=taken).status_code == 200
    wakes(opened)
    live(page)
    page.get_by_text("has it", exact=False).wait_for()
    assert site.served.client.delete(path).status_code == 200


def test_a_source_that_nobody_reads_any_longer_is_told_though_no_event_tells_of_it(
    opened: Window, operator: str
) -> None:
    page, answers = opened.page, list[Any]()

    def grown_old(route: Route) -> None:
        rows = route.fetch().json()
        answers.append(rows)
        if len(answers) > 2:
            rows = [row | {"stale": True} for row in rows]
        route.fulfill(status=200, content_type="application/json", body=json.dumps(rows))

    page.clock.install()
    page.route("**/api/v1/sources", grown_old)
    opened.log_in(operator)
    live(page)
    for _ in range(4):
        page.clock.fast_forward(30_500)
        page.wait_for_timeout(300)
    page.get_by_text("Not read lately: cmdb").wait_for()


def test_a_kill_switch_that_was_not_thrown_says_so(opened: Window, operator: str) -> None:
    page = opened.page

    def refused(route: Route) -> None:
        if route.request.method != "PUT":
            route.continue_()
            return
        told = {"title": "x", "status": 503, "detail": "the store is busy"}
        route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(told))

    page.route("**/api/v1/halt", refused)
    opened.log_in(operator)
    page.get_by_role("button", name="Halt repairs").click()
    page.get_by_role("alert").get_by_text("NOT halted: the store is busy").wait_for()
    assert opened.overflow == 0
    assert opened.violations("header") == []


def test_a_halt_by_somebody_else_is_shown(opened: Window, operator: str, site: Site) -> None:
    page = opened.page
    page.clock.install()
    opened.log_in(operator)
    live(page)
    try:
        site.served.client.put("/api/v1/halt", json={"reason": "the storage team is at it"})
        page.clock.fast_forward(16_000)
        page.get_by_text("no repair begins.", exact=False).wait_for()
    finally:
        site.served.client.delete("/api/v1/halt")


def test_who_logs_out_is_out_though_the_server_does_not_answer(
    opened: Window, operator: str
) -> None:
    page = opened.page
    opened.log_in(operator)
    opened.context.set_offline(True)
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Token").wait_for()
    opened.context.set_offline(False)
    page.reload()
    page.get_by_label("Token").wait_for()
    assert not [each for each in opened.complaints if "Failed to load resource" not in each]


def test_a_page_whose_token_was_revoked_asks_for_another(opened: Window, operator: str) -> None:
    page = opened.page
    page.clock.install()
    opened.log_in(operator)
    live(page)
    sleeps(opened)
    opened.context.clear_cookies()  # as the browser does after twelve hours
    wakes(opened)
    page.get_by_label("Token").wait_for()


def test_a_board_that_is_full_does_not_say_that_there_are_no_more(
    opened: Window, operator: str
) -> None:
    page = opened.page

    def full(route: Route) -> None:
        board = route.fetch().json()
        row = board["items"][0]
        board["items"] = [row | {"id": f"INC-{n:04}", "status": "open"} for n in range(30)]
        route.fulfill(status=200, content_type="application/json", body=json.dumps(board))

    page.route("**/api/v1/board", full)
    opened.log_in(operator)
    page.get_by_role("heading", name="30 or more open incidents").wait_for()


def test_an_address_that_was_mangled_is_told_and_no_empty_page(
    opened: Window, operator: str
) -> None:
    opened.log_in(operator)
    opened.go("/incidents/INC%E0")
    opened.page.get_by_role("alert").get_by_text("no incident").wait_for()
