"""A load as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

from load_results import capacity, record, result
from msgspec.structs import replace

from hinterland.load.report.junit import xml
from hinterland.load.result.record import Asserted

PASSED = Asserted("p99 < 50ms", "passed", "p99 was 3 ms", "")
FAILED = Asserted("errors = 0", "failed", "12 <without> a good answer", "")
UNDECIDED = Asserted("rate >= 3", "undecided", "2 a second", "the generator was the limit")


def test_each_assertion_is_a_case() -> None:
    made = replace(record(result()), asserted=(PASSED, FAILED, UNDECIDED), started_at=0.0, ended_at=2.5)
    root = ElementTree.fromstring(xml(made, 1))
    assert root.tag == "testsuites"
    suite = root.find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "time", "timestamp")} == {
        "tests": "3", "failures": "1", "errors": "1", "time": "2.500", "timestamp": "1970-01-01T00:00:00",
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert list(cases["p99 < 50ms"]) == []
    assert cases["errors = 0"][0].attrib == {"type": "failed", "message": FAILED.measured}
    assert cases["rate >= 3"][0].tag == "error"
    assert "the generator was the limit" in cases["rate >= 3"][0].get("message", "")
    assert "reached" in (suite.findtext("system-out") or "")


def test_without_assertions_the_load_is_the_case() -> None:
    fine = ElementTree.fromstring(xml(record(result()), 0))
    assert (fine.get("tests"), fine.get("errors")) == ("1", "0")
    broken = result(rate=10, seconds=1, errors={0: {"refused\x07": 10}})
    case = ElementTree.fromstring(xml(record(broken), 2)).find(".//testcase/error")
    assert case is not None
    assert "10 refused" in case.get("message", "")


def test_a_search_is_a_case_too() -> None:
    searched = replace(record(result()), result=None, capacity=capacity())
    assert ElementTree.fromstring(xml(searched, 0)).get("errors") == "0"
