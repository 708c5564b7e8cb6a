"""An ordinary program that keeps one core busy as a compiler does: in bursts of short-lived processes.

    compiler.py SECONDS SEED PARENT FOLDER

Each process reads modules of Python's standard library, compiles them, packs the result and writes it into
FOLDER. They run one after another at ordinary priority, on whatever core the kernel gives them, a few in a
row and then a short pause. It says what it is in one line of JSON, and when it ends what it took in a second.
It ends when its standard input does, after SECONDS, and with PARENT; a process under way ends first.
"""

from __future__ import annotations

import json
import marshal
import os
import random
import resource
import select
import subprocess
import sys
import time
import zlib

UNITS_A_BURST = (3, 12)
MODULES_A_UNIT = (1, 6)
# Of the burst before: one core is busy for 80 to 100 % of the time.
MOST_PAUSE_SHARE = 0.2
UNIT = "unit"


def main() -> None:
    """Start one process after another until the end, and say what they took."""
    from functools import partial

    from hinterland.rig.processes.supervision import die_with_parent

    seconds, draw, parent, folder = (
        float(sys.argv[1]),
        random.Random(sys.argv[2]),
        int(sys.argv[3]),
        sys.argv[4],
    )
    die_with_parent(parent)
    print(json.dumps({"how": "one ordinary process after another", "processes": []}), flush=True)
    began_s = time.monotonic()
    end_s = began_s + seconds
    while time.monotonic() < end_s:
        burst_s = time.monotonic()
        for _ in range(draw.randint(*UNITS_A_BURST)):
            command = [sys.executable, "-I", "-S", __file__, UNIT, folder, str(draw.random())]
            # The fork is of a small program here: it does not cost what it would in a trial.
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                check=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )
            if _ended(0.0) or time.monotonic() > end_s:
                break
        if _ended(draw.uniform(0.0, MOST_PAUSE_SHARE) * (time.monotonic() - burst_s)):
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = {"wall_s": time.monotonic() - began_s, "cpu_s": used.ru_utime + used.ru_stime}
    print(json.dumps(took), flush=True)


def unit(folder: str, seed: str) -> None:
    """Compile some modules and write them, as one run of a compiler does."""
    draw = random.Random(seed)
    library = os.path.dirname(os.__file__)
    names = sorted(name for name in os.listdir(library) if name.endswith(".py"))
    for name in draw.sample(names, draw.randint(*MODULES_A_UNIT)):
        with open(os.path.join(library, name), "rb") as source:
            code = compile(source.read(), name, "exec", dont_inherit=True)
        with open(os.path.join(folder, name + ".out"), "wb") as out:
            out.write(zlib.compress(marshal.dumps(code)))


def _ended(within_s: float) -> bool:
    """Waits so long, or until standard input ends; says whether it did."""
    return bool(select.select([sys.stdin], [], [], within_s)[0])


if __name__ == "__main__":
    if sys.argv[1] == UNIT:
        unit(sys.argv[2], sys.argv[3])
    else:
        main()
