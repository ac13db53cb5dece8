"""`make screenshot`: the demo's incident in the real Neo4j Browser, with our style sheet."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from cypher import queries
from kgraph.app.setup.browser_kit import FAVOURITES, STYLE, kit
from kgraph.cli import run
from tools.neo4j import looking
from tools.neo4j.server import Server, ServerError, missing

SHOWN = "incident/cause_and_victims"


def main(file: Path) -> int:
    """Take the picture."""
    lacking = missing() + looking.missing()
    if lacking:
        sys.stderr.write(f"the picture needs {', '.join(lacking)}: make test-deps\n")
        return 1
    files = kit(queries())
    with TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            server.start(auth=False)
            code = run(["--store", server.url, "demo"])
            if code:
                return code
            with looking.looked_at(server.browser) as window:
                window.connect()
                for name in (STYLE, FAVOURITES):
                    window.drop(name, files[name])
                window.clear()
                window.run(queries()[SHOWN].text)
                window.nodes()
                file.parent.mkdir(parents=True, exist_ok=True)
                window.picture(file)
        except ServerError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        finally:
            server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
