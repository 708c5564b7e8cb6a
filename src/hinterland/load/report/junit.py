"""A load as JUnit XML, which CI servers show: a test case for each assertion.

The form is the one that Jenkins, GitLab and GitHub's actions read: testsuites, testsuite, testcase, with
`failure` for what was measured and is wrong, `error` for what could not be decided.
"""

from __future__ import annotations

import time
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from hinterland.load.report import summary as load_summary
from hinterland.load.report.words import errors_say
from hinterland.load.result.record import LoadRecord

CLASS = "hinterland.load"
# XML has no place for most control signs.
_UNFIT = {sign: "�" for sign in range(32) if sign not in (9, 10, 13)}


def xml(record: LoadRecord, exit_status: int) -> str:
    """Returns the document. Without assertions its one case says whether the load came to anything."""
    took_s = max(0.0, record.ended_at - record.started_at)
    cases = list(_cases(record, exit_status))
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "time": f"{took_s:.3f}",
    }
    root = Element("testsuites", counts)
    started = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.started_at))
    suite = SubElement(root, "testsuite", {"name": _fit(record.url), "timestamp": started, **counts})
    suite.extend(cases)
    said = "\n".join(text for text, _ in load_summary.lines(record))
    SubElement(suite, "system-out").text = _fit(said)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _cases(record: LoadRecord, exit_status: int) -> list[Element]:
    took_s = f"{max(0.0, record.ended_at - record.started_at):.3f}"
    cases = []
    for one in record.asserted:
        case = Element("testcase", {"classname": CLASS, "name": _fit(one.text), "time": took_s})
        if one.verdict != "passed":
            says = one.measured + (f" ({one.why})" if one.why else "")
            kind = "failure" if one.verdict == "failed" else "error"
            SubElement(case, kind, {"type": one.verdict, "message": _fit(says)})
        cases.append(case)
    if not cases:
        case = Element("testcase", {"classname": CLASS, "name": "load", "time": took_s})
        if exit_status:
            SubElement(case, "error", {"type": f"exit status {exit_status}", "message": _why(record)})
        cases.append(case)
    return cases


def _why(record: LoadRecord) -> str:
    result = record.result
    if result is None:
        return _fit(record.says)
    if result.partial:
        return _fit(f"cut short: {result.partial}")
    if result.generator.faults and result.answered:
        return _fit(f"the generator was the limit: {result.generator.faults[0]}")
    return _fit(f"errors: {errors_say(result.errors, result.operations)}")


def _fit(text: str) -> str:
    return text.translate(_UNFIT)
