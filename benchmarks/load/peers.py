"""The other generators: how each is asked for a closed loop on one core, and where its rate stands in what
it prints.

Each is found on PATH, and left out with a word where it is not:

    autocannon   npm install --prefix FOLDER autocannon, FOLDER/node_modules/.bin on PATH
    locust       pip install locust into an environment of its own, its bin on PATH
    k6           https://k6.io
    h2load       Debian: nghttp2-client.   wrk: Debian: wrk.   wrk2: https://github.com/giltene/wrk2
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOCUSTFILE = """
from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    @task
    def ask(self):
        with self.client.get("/", catch_response=True) as answer:
            if answer.status_code != 200 or answer.content:
                answer.failure("not what was asked for")
"""
K6_SCRIPT = """
import http from 'k6/http';
import { check } from 'k6';

export default function () {
  const answer = http.get(__ENV.ADDRESS);
  check(answer, { 'as asked for': (each) => each.status === 200 });
}
"""


class Misread(RuntimeError):
    """A peer did not print what it usually does, or did not get its answers."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another generator. `command` takes URL, connections, seconds and a scratch folder; `rate` what it
    printed."""

    name: str
    least: float
    command: Callable[[str, int, int, Path], list[str]]
    rate: Callable[[str, Path], float]

    @property
    def here(self) -> bool:
        return shutil.which(self.name) is not None


def _wrk(url: str, connections: int, seconds: int, scratch: Path) -> list[str]:
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url]


def _wrk_rate(page: str, scratch: Path) -> float:
    found = re.search(r"Requests/sec:\s+([\d.]+)", page)
    if found is None or "Non-2xx" in page or "Socket errors" in page:
        raise Misread(f"wrk did not get its answers: {page}")
    return float(found[1])


def _autocannon(url: str, connections: int, seconds: int, scratch: Path) -> list[str]:
    return ["autocannon", "-c", str(connections), "-d", str(seconds), "-n", "-j", url]


def _autocannon_rate(page: str, scratch: Path) -> float:
    try:
        found = json.loads(next(line for line in page.splitlines() if line.startswith("{")))
    except (StopIteration, ValueError) as error:
        raise Misread(f"autocannon: {page[-300:]}") from error
    if found["non2xx"] or found["errors"] or found["timeouts"]:
        raise Misread(f"autocannon did not get its answers: {found}")
    return float(found["2xx"]) / float(found["duration"])


def _locust(url: str, connections: int, seconds: int, scratch: Path) -> list[str]:
    (scratch / "locustfile.py").write_text(LOCUSTFILE)
    return [
        "locust", "-f", str(scratch / "locustfile.py"), "--headless", "--json", "--only-summary",
        "--loglevel", "ERROR",
        "-u", str(connections), "-r", str(connections), "-t", f"{seconds + 1}s", "--host", url.rstrip("/"),
    ]  # fmt: skip


def _locust_rate(page: str, scratch: Path) -> float:
    begin = page.find("[\n")
    try:
        (found,) = json.loads(page[begin : page.rindex("]") + 1])
    except ValueError as error:
        raise Misread(f"locust: {page[-300:]}") from error
    if found["num_failures"]:
        raise Misread(f"locust did not get its answers: {found}")
    # Whole seconds only, and neither the first (users are still joining) nor the last (cut short).
    seconds = sorted((int(second), count) for second, count in found["num_reqs_per_sec"].items())[1:-1]
    if not seconds:
        raise Misread("locust ran for too short a time")
    return float(sum(count for _, count in seconds)) / len(seconds)


def _k6(url: str, connections: int, seconds: int, scratch: Path) -> list[str]:
    (scratch / "script.js").write_text(K6_SCRIPT)
    return [
        "k6", "run", "--quiet", "--vus", str(connections), "--duration", f"{seconds}s",
        "--env", f"ADDRESS={url}",
        "--summary-export", str(scratch / "k6.json"), str(scratch / "script.js"),
    ]  # fmt: skip


def _k6_rate(page: str, scratch: Path) -> float:
    try:
        metrics = json.loads((scratch / "k6.json").read_text())["metrics"]
    except (OSError, ValueError, KeyError) as error:
        raise Misread(f"k6: {page[-300:]}") from error
    if metrics["checks"]["fails"]:
        raise Misread(f"k6 did not get its answers: {metrics['checks']}")
    return float(metrics["http_reqs"]["rate"])


PEERS = (
    Peer("wrk", 1.0, _wrk, _wrk_rate),
    Peer("autocannon", 1.5, _autocannon, _autocannon_rate),
    Peer("k6", 5.0, _k6, _k6_rate),
    Peer("locust", 5.0, _locust, _locust_rate),
)
"""With the least that the engine's rate must be, as a multiple of theirs."""


def h2load(url: str, streams: int, seconds: int) -> list[str]:
    """Returns the command for HTTP/2 over one connection with prior knowledge."""
    return ["h2load", "-c1", f"-m{streams}", "-t1", f"--duration={seconds}", "--warm-up-time=0", url]


def h2load_rate(page: str) -> float:
    """Returns the rate that h2load printed."""
    found = re.search(r"finished in [^,]+, ([\d.]+) req/s", page)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", page)
    if found is None or codes is None or any(int(codes[place]) for place in (2, 3, 4)):
        raise Misread(f"h2load did not get its answers: {page[-400:]}")
    return float(found[1])


def wrk2(url: str, connections: int, seconds: int, rate_per_s: int) -> list[str]:
    """Returns the command for an open loop."""
    return ["wrk2", "-t1", f"-c{connections}", f"-d{seconds}s", f"-R{rate_per_s}", "--latency", url]


def wrk2_percentiles_s(page: str) -> dict[float, float]:
    """Returns the recorded latencies that wrk2 printed, by percentile; its times have one of three units."""
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    found = re.findall(r"^\s*([\d.]+)%\s+([\d.]+)(us|ms|s)\s*$", page, re.MULTILINE)
    if not found:
        raise Misread(f"wrk2: {page[-300:]}")
    return {float(q): float(value) * units[unit] for q, value, unit in found}
