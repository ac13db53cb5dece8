"""Looks at a real NFS server, in user space: served, hung, killed, and with another folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real import need

pytestmark = pytest.mark.sources


def test_a_real_server_that_is_served_hung_killed_and_back_again(tmp_path: Path) -> None:
    need("ganesha.nfsd", "rpcbind", "unshare", root=True)
    apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
    ran = subprocess.run(
        [*apart, sys.executable, "-m", "tests.ingest.exports.nfs_server", tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout.splitlines()[-1])
    size, signature = seen["served"]
    assert size > 0
    assert signature.startswith("nfs4:")
    assert seen["with a slash"] == seen["back"] == [size, signature]
    # Only a look that ends at the deadline tells that it hangs.
    assert (seen["hung"], seen["killed"], seen["nobody listens"]) == (
        "silent",
        "refused",
        "refused",
    )
    assert seen["another path"] == "no such export"
    # The same path, and another folder below it: nothing may resume on that.
    assert seen["another folder"][1] != signature
