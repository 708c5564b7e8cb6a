"""SIGKILL of `hinterland run` at random moments: nothing of its own is left, and every record can be read."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from belongings import LOOK_EVERY_S, Belongings

from hinterland.report import html
from hinterland.runner.recheck import recheck
from hinterland.runner.record import folder as record
from hinterland.runner.record.folder import RunFolder

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

EXPERIMENTS = (
    "apis/idempotency",
    "storage/read_write_ratio",
    "execution/c10k",
    "patterns/delivery",
)
MOMENTS = 12
GONE_S = 60.0


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_sigkill_at_a_random_moment_leaves_nothing(tmp_path: Path, moment: int) -> None:
    chance = random.Random(f"sigkill/{moment}")
    identity = EXPERIMENTS[moment % len(EXPERIMENTS)]
    mark = f"HINTERLAND_TEST_MARK={os.getpid()}-{moment}"
    name, _, value = mark.partition("=")
    scratch, store = tmp_path / "tmp", tmp_path / "store"
    scratch.mkdir(mode=0o711)
    for folder in (tmp_path, *tmp_path.parents):
        # The unprivileged user of a service must be able to pass through pytest's private folders.
        with contextlib.suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o011)
    environment = {**os.environ, name: value, "TMPDIR": str(scratch), "HINTERLAND_BUSY_CORES": "64"}
    ours = Belongings(mark, scratch)
    words = [sys.executable, "-m", "hinterland", "run", identity, "--store", str(store), "--quiet"]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    end_s = time.monotonic() + chance.uniform(0.3, 6.0)
    while (left_s := end_s - time.monotonic()) > 0 and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(left_s, LOOK_EVERY_S))
        ours.look()
    process.kill()
    process.wait()
    assert ours.left(GONE_S) == {}
    assert process.pid in ours.pids
    for info in record.list_runs(store):
        folder = RunFolder(store / info.id)
        kept = folder.record()
        assert kept.info.status in ("interrupted", "finished")
        assert recheck(folder).verdicts
        assert "<html" in html.render(kept)
