"""All that the command line does, done here: what `kgraph --server` asks for."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from kgraph.app.service import audit
from kgraph.app.service.tokens import Role
from kgraph.logs import logger
from kgraph.server.commands import Head, Running, start
from kgraph.server.forms import CommandAsked
from kgraph.server.identity import Caller, Served, Viewer
from kgraph.server.problems import RETRY_SECONDS, Refused, documented
from kgraph.server.service import Service

router = APIRouter(tags=["commands"])
_log = logger(__name__)
_LINES = "application/x-ndjson"
_SHOWN = 300  # characters of a command line in the audit
_ending: set[asyncio.Task[None]] = set()  # a task that nobody holds may be forgotten half done


@router.post(
    "/commands",
    response_class=StreamingResponse,
    responses={
        200: {"content": {_LINES: {"schema": {"type": "string"}}}},
        **documented(400, 403, 503),
    },
)
async def run_command(asked: CommandAsked, served: Served, caller: Viewer) -> StreamingResponse:
    """Run a command of `kgraph`, and stream what it writes, one JSON object a line.

    `{"out": TEXT}` and `{"err": TEXT}` are parts of its two streams, `{"exit": CODE}` is the last
    line, an empty one is a sign of life. The configuration and the store are the server's. What
    role a command needs depends on what it does; some are not run for others at all.
    """
    most = served.settings.commands
    if most > 1 and not caller.role.may(Role.OPERATOR):
        most -= 1  # whoever halts or repairs by a command finds room, however much others look
    if served.commands >= most:
        told = "as many commands run as may" if served.settings.commands else "none are run here"
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE, told, "commands", {"Retry-After": RETRY_SECONDS}
        )
    served.commands += 1
    begun = served.clock()
    try:
        running = await start(served.configuration, asked, caller)
        head = await running.head()
    except BaseException:
        served.commands -= 1
        raise
    if head.status != HTTPStatus.OK:
        await running.close()
        served.commands -= 1
        raise Refused(head.status, head.detail, "command")
    ended = _Ended(served, caller, asked, head, running, begun)
    return StreamingResponse(_lines(running, ended), media_type=_LINES)


async def _lines(running: Running, ended: _Ended) -> AsyncIterator[str]:
    try:
        async for part in running.parts():
            if part is not None and "exit" in part:
                await ended.settle()  # before it is told: what comes next finds it written down
            yield "\n" if part is None else json.dumps(part, ensure_ascii=False) + "\n"
    finally:
        # Whoever asked may have left: nothing can be awaited here any more.
        task = asyncio.get_running_loop().create_task(ended.settle())
        _ending.add(task)
        task.add_done_callback(_ending.discard)


class _Ended:
    """What is left to do behind a command."""

    def __init__(
        self,
        served: Service,
        caller: Caller,
        asked: CommandAsked,
        head: Head,
        running: Running,
        begun: datetime,
    ) -> None:
        self._served, self._caller, self._asked = served, caller, asked
        self._head, self._running, self._begun = head, running, begun
        self._settled = False

    async def settle(self) -> None:
        """End the process, write down what it changed, and let the next one in; once."""
        if self._settled:
            return
        self._settled = True
        try:
            await self._running.close()
            if self._head.writes:
                await self._served.writer.ask(lambda store: audit.record(store, self._deed()))
                self._served.watching.nudge()
        except Exception:  # noqa: BLE001 - nobody waits for it
            _log.exception("what is behind a command failed", command=self._head.command)
        finally:
            self._served.commands -= 1

    def _deed(self) -> audit.Deed:
        code = self._running.exit
        return audit.Deed(
            audit.new_id(self._begun, self._served.mark()),
            self._begun,
            self._caller.name,
            self._caller.address,
            "command",
            shlex.join(self._asked.arguments)[:_SHOWN],
            "done" if code == 0 else "left before its end" if code is None else f"exit {code}",
        )
