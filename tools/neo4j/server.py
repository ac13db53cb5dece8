"""A real Neo4j Community with its Browser, from Maven Central: for tests and `make demo-neo4j`.

Needs Java 17 or 21 with a compiler, and Maven; never part of the wheel. The jars (140 MB) are
fetched once into `.neo4j/` at the root of the tree.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tools.ports import free_port

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".neo4j"
_TOOLS = {"java": "java", "javac": "a Java compiler", "mvn": "Maven"}
_START_SECONDS, _STOP_SECONDS, _FETCH_SECONDS = 180.0, 30.0, 600.0
_JAVA = (
    "-Xms256m",
    "-Xmx1g",
    "-XX:TieredStopAtLevel=1",  # quick to start: nothing here runs for long
    "-XX:+UseSerialGC",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)


class ServerError(Exception):
    """The server could not be had or started; says nothing of what is tested on it."""


def missing() -> list[str]:
    """Return what this machine lacks, one phrase each."""
    return [phrase for tool, phrase in _TOOLS.items() if shutil.which(tool) is None]


def libraries() -> Path:
    """Return the folder of jars, fetched when it is not there yet.

    Raises:
        ServerError: Maven could not fetch them.
    """
    pom = HERE / "pom.xml"
    folder = CACHE / f"lib-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    CACHE.mkdir(exist_ok=True)
    # Beside it first: a fetch that breaks off must not look like a whole one.
    partial = CACHE / f"{folder.name}.{os.getpid()}"
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
        if done.returncode:
            raise ServerError(f"Maven could not fetch Neo4j: {done.stdout[-2000:]}")
        if not folder.is_dir():
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


@dataclass
class Server:
    """One server on loopback. It ends with the process that started it, however that ends.

    Attributes:
        home: its folder; what is in there is found again by the next server of the same home.
    """

    home: Path
    bolt_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where drivers connect to."""
        return f"neo4j://127.0.0.1:{self.bolt_port}"

    @property
    def browser(self) -> str:
        """The address of Neo4j Browser."""
        return f"http://127.0.0.1:{self.http_port}/browser/"

    @property
    def pid(self) -> int | None:
        """Its process, if it was started."""
        return self._process.pid if self._process is not None else None

    @property
    def running(self) -> bool:
        """Whether it was started, and neither stopped nor killed since."""
        return self._process is not None

    def start(self, *, auth: bool, read_only: bool = False) -> Self:
        """Start it and wait until it answers.

        Raises:
            ServerError: it did not start in time; the message ends with what it said.
        """
        lib = libraries()
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "neo4j.conf").write_text(self._settings(auth=auth, read_only=read_only))
        log = self.home / "console.log"
        command = ["java", *_JAVA, "-cp", f"{lib}/*", str(HERE / "Neo4jServer.java")]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, str(self.home)],
                stdin=subprocess.PIPE,  # it reads from it, and ends when we are gone
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + _START_SECONDS
        while b"READY" not in log.read_bytes() or not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise ServerError(f"Neo4j did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        """Shut it down in order."""
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.browser, timeout=5) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _settings(self, *, auth: bool, read_only: bool) -> str:
        values = {
            "server.bolt.enabled": "true",
            "server.bolt.listen_address": f"127.0.0.1:{self.bolt_port}",
            "server.bolt.advertised_address": f"127.0.0.1:{self.bolt_port}",
            "server.http.enabled": "true",
            "server.http.listen_address": f"127.0.0.1:{self.http_port}",
            "server.http.advertised_address": f"127.0.0.1:{self.http_port}",
            "server.https.enabled": "false",
            "server.memory.pagecache.size": "128m",
            "server.databases.default_to_read_only": str(read_only).lower(),
            "dbms.security.auth_enabled": str(auth).lower(),
            # Nothing of ours calls anybody outside.
            "dbms.usage_report.enabled": "false",
            "client.allow_telemetry": "false",
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())
