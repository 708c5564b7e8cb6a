"""What the benchmark reads off its peers, and how it judges: on pages as these programs print them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

WRK = """Running 2s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   380.75us  310.03us  11.34ms   96.57%
    Req/Sec   163.21k     7.57k  170.18k    90.00%
  324801 requests in 2.00s, 33.46MB read
Requests/sec: 162354.29
Transfer/sec:     16.72MB
"""
H2LOAD = """starting benchmark...
finished in 2.00s, 205713.50 req/s, 2.55MB/s
requests: 411427 total, 411527 started, 411427 done, 411427 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 411427 2xx, 0 3xx, 0 4xx, 0 5xx
"""
WRK2 = """  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.01ms
 75.000%    1.42ms
 99.000%    2.05ms
 99.900%  812.00us
100.000%    1.20s
"""
AUTOCANNON = {"2xx": 90000, "non2xx": 0, "errors": 0, "timeouts": 0, "duration": 2.0}
LOCUST = {"num_failures": 0, "num_reqs_per_sec": {"100": 50, "101": 9000, "102": 9200, "103": 70}}


def part(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.load.{name}")


def rate_of(name: str, page: str, scratch: Path = Path()) -> float:
    peer = next(each for each in part("peers").PEERS if each.name == name)
    return float(peer.rate(page, scratch))


def test_the_rates_that_peers_print_are_read(tmp_path: Path) -> None:
    assert rate_of("wrk", WRK) == 162354.29
    assert rate_of("autocannon", f"a warning\n{json.dumps(AUTOCANNON)}\n") == 45_000
    assert rate_of("locust", f"[\n{json.dumps(LOCUST)}\n]") == 9100
    assert part("peers").h2load_rate(H2LOAD) == 205713.5
    (tmp_path / "k6.json").write_text('{"metrics": {"checks": {"fails": 0}, "http_reqs": {"rate": 24000.5}}}')
    assert rate_of("k6", "", tmp_path) == 24000.5


def test_wrk2_prints_times_in_three_units() -> None:
    found = part("peers").wrk2_percentiles_s(WRK2)
    assert found[50.0] == pytest.approx(0.00101)
    assert found[99.9] == pytest.approx(0.000812)
    assert found[100.0] == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("wrk", WRK + "  Non-2xx or 3xx responses: 7\n"),
        ("wrk", "unable to connect"),
        ("autocannon", json.dumps({**AUTOCANNON, "non2xx": 3})),
        ("autocannon", "node: not found"),
        ("locust", f"[\n{json.dumps({**LOCUST, 'num_failures': 2})}\n]"),
        ("locust", "Traceback"),
    ],
)
def test_a_peer_that_did_not_get_its_answers_is_not_compared_with(name: str, page: str) -> None:
    with pytest.raises(part("peers").Misread):
        rate_of(name, page)


def test_h2load_with_errors_is_not_compared_with() -> None:
    with pytest.raises(part("peers").Misread):
        part("peers").h2load_rate(H2LOAD.replace("0 5xx", "9 5xx"))


def test_a_missed_target_in_a_disturbed_run_is_void() -> None:
    judged = part("row").judged
    assert (judged(True), judged(False), judged(False, void=True), judged(True, void=True)) == (
        "met",
        "MISSED",
        "void",
        "met",
    )


def test_a_ratio_is_that_of_its_pairs() -> None:
    found = part("row").ratio([0.1, 0.12, 0.08])
    assert found.low < found.centre < found.high
    assert found.centre == pytest.approx(1.105, abs=0.001)
    assert part("row").ratio([]) is None
    assert part("row").ratio([0.0]).high == float("inf")
