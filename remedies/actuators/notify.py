"""Telling people: a line in the log, and a webhook where one is configured."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import httpx

from kgraph.logs import logger
from kgraph.schema.errors import one_line
from remedies.looks import EffectError, Look, Standing, Task

TIMEOUT_SECONDS = 10.0
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Token:
    """Where the bearer token is; never the token itself, so that it can't be logged.

    Attributes:
        env: name of an environment variable.
        file: a file that holds the token alone.
    """

    env: str = ""
    file: Path | None = None

    def headers(self) -> dict[str, str]:
        """Read the token now; EffectError when it is named but not usable."""
        if self.env:
            token, where = os.environ.get(self.env, ""), f"environment variable {self.env}"
        elif self.file is not None:
            token, where = _content(self.file), str(self.file)
        else:
            return {}
        token = token.strip()
        # Checked here: the HTTP library would put a faulty header, token and all, into its error.
        if not token or not all("!" <= character <= "~" for character in token):
            raise EffectError(f"{where}: no usable token")
        return {"Authorization": f"Bearer {token}"}


def _content(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace")
    except OSError as error:
        raise EffectError(f"{path}: {error.strerror}") from None


class Notify:
    """Tells people.

    Args:
        url: is posted a JSON object; empty: the log only.
        token: goes with it.
        transport: stands for the network in tests.
    """

    def __init__(
        self,
        url: str = "",
        token: Token | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url, self._token, self._transport = url, token or Token(), transport

    def look(self, task: Task) -> Look:
        """Whether somebody was told leaves no trace that could be looked at."""
        return Look(Standing.EITHER, f"{task.title}: told" if self._url else "told in the log")

    def act(self, task: Task) -> str:
        """Tell.

        Raises:
            EffectError: the webhook was not reached, or refused it.
        """
        _log.warning("a person is asked", plan=task.plan, entity=task.title, said=task.message)
        if not self._url:
            return "told in the log"
        body = {"plan": task.plan, "entity": task.title, "action": task.action}
        try:
            # Redirects are not followed: a token must not travel to another host. Nor is it read
            # what is said to it: that need not end.
            with (
                httpx.Client(transport=self._transport, timeout=TIMEOUT_SECONDS) as client,
                client.stream(
                    "POST",
                    self._url,
                    json=body | {"message": task.message},
                    headers=self._token.headers(),
                ) as answer,
            ):
                pass
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = one_line(error) or type(error).__name__
            raise EffectError(f"the webhook is not reached: {what}") from None
        if not answer.is_success:
            raise EffectError(f"the webhook answered {answer.status_code}")
        return "told by webhook"
