"""Telling people: a line in the log, and a webhook where one is configured."""

from __future__ import annotations

import httpx

from kgraph.logs import logger
from kgraph.schema import ConfigurationError
from kgraph.schema.errors import one_line
from kgraph.web import Credentials, client
from remedies.actuators.secrets import NOBODY, headers_of
from remedies.looks import EffectError, Look, Standing, Task

TIMEOUT_SECONDS = 10.0
_log = logger(__name__)


class Notify:
    """Tells people.

    Args:
        url: is posted a JSON object; empty: the log only.
        credentials: go with it.
        transport: stands for the network in tests.
    """

    def __init__(
        self,
        url: str = "",
        credentials: Credentials = NOBODY,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url, self._credentials, self._transport = url, credentials, transport

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
                client(self._url, timeout=TIMEOUT_SECONDS, way=self._transport) as asking,
                asking.stream(
                    "POST",
                    self._url,
                    json=body | {"message": task.message},
                    headers=headers_of(self._credentials),
                ) as answer,
            ):
                pass
        except (httpx.HTTPError, httpx.InvalidURL, ConfigurationError) as error:
            what = one_line(error) or type(error).__name__
            raise EffectError(f"the webhook is not reached: {what}") from None
        if not answer.is_success:
            raise EffectError(f"the webhook answered {answer.status_code}")
        return "told by webhook"
