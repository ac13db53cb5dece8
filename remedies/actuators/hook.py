"""A site's own service, asked over HTTP: to look, and to act. Format `kgraph.hook/v1`.

POST {"format": "kgraph.hook/v1", "ask": "look" or "act", "plan", "action", "entity", ...}
look answers 200 {"standing": "ready" | "done" | "either" | "unfit" | "unknown", "said": ""}
act answers 2xx once it is done; 409 where it must not be done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from kgraph.schema import ConfigurationError
from kgraph.schema.errors import one_line
from kgraph.web import Credentials, client
from remedies.actuators.secrets import NOBODY, headers_of
from remedies.looks import EffectError, Look, RefusedError, Standing, Task

FORMAT = "kgraph.hook/v1"
MOST_BYTES = 64 << 10


class HookActuator:
    """Asks one service.

    Args:
        url: where it listens.
        actions: what it may be asked to do.
        credentials: go with it.
        transport: stands for the network in tests.
    """

    def __init__(
        self,
        url: str,
        actions: frozenset[str],
        credentials: Credentials = NOBODY,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url, self._actions, self._credentials = url, actions, credentials
        self._transport = transport

    def look(self, task: Task) -> Look:
        """Ask how the live system stands to a task; what is no clear answer is UNKNOWN."""
        try:
            answer = self._ask("look", task)
        except EffectError as error:
            return Look(Standing.UNKNOWN, str(error))
        if not answer.is_success:
            return Look(Standing.UNKNOWN, f"the hook answered {answer.status_code}")
        said = _object(answer)
        known = {standing.value: standing for standing in Standing}
        standing = known.get(str(said.get("standing", "")))
        if standing is None:
            return Look(Standing.UNKNOWN, f"the hook knows no standing: {_line(answer.text)[:80]}")
        return Look(standing, _line(str(said.get("said", ""))))

    def act(self, task: Task) -> str:
        """Have it done.

        Raises:
            RefusedError: the service says that it must not be done.
            EffectError: the service was not reached, or it did not work.
        """
        answer = self._ask("act", task)
        said = _line(str(_object(answer).get("said", "")))
        if answer.status_code == httpx.codes.CONFLICT:
            raise RefusedError(said or "the hook refuses it")
        if not answer.is_success:
            raise EffectError(said or f"the hook answered {answer.status_code}")
        return said or f"{task.action} was accepted"

    def _ask(self, ask: str, task: Task) -> httpx.Response:
        if task.action not in self._actions:
            raise EffectError(f"the hook is not configured for {task.action}")
        body = {
            "format": FORMAT,
            "ask": ask,
            "plan": task.plan,
            "action": task.action,
            "entity": task.entity,
            "title": task.title,
            "parameters": dict(task.parameters),
            "preconditions": list(task.preconditions),
        }
        seconds = task.deadline.total_seconds()
        try:
            # Redirects are not followed: a token must not travel to another host.
            with (
                client(self._url, timeout=seconds, way=self._transport) as asking,
                asking.stream("POST", self._url, json=body, headers=self._headers()) as answer,
            ):
                return httpx.Response(answer.status_code, content=_beginning(answer))
        except (httpx.HTTPError, httpx.InvalidURL, ConfigurationError) as error:
            what = one_line(error) or type(error).__name__
            raise EffectError(f"the hook is not reached: {what}") from None

    def _headers(self) -> dict[str, str]:
        # Unpacked, a little would become a lot.
        return {"Accept-Encoding": "identity", **headers_of(self._credentials)}


def _beginning(answer: httpx.Response) -> bytes:
    """Return what an answer says, or so much that it is none: it need not end."""
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            break
    return bytes(content)


def _object(answer: httpx.Response) -> Mapping[str, Any]:
    if len(answer.content) > MOST_BYTES:
        return {}
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
