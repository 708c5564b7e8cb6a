"""Requests that another tool made, as a load: a curl command, a HAR file."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import replace
from typing import Any

from hinterland.cli.load.option_groups import RequestOptions
from hinterland.errors import UsageError
from hinterland.load.options.declared import Asked
from hinterland.load.options.rules import together
from hinterland.model.secrecy import MASK, hidden

_SECRET = re.compile(r"(-u|--user|-b|--cookie)(=?)(.*)", re.DOTALL)


def imported(url: str, asked: Asked, requests: RequestOptions) -> tuple[str, Asked]:
    """Returns the URL and what is asked, with what is taken from a curl command or a HAR file, if any."""
    together("curl", requests.curl, "har", requests.har)
    for name in ("request", "requests", "scenario", "method", "body", "body_file"):
        given = getattr(asked, name) or None
        together("curl" if requests.curl else "har", requests.curl or requests.har, name, given)
    if requests.har is not None:
        return _of_har(url, asked, requests)
    if requests.curl is None:
        return url, asked
    together("curl", requests.curl, "URL", url or None)
    from hinterland.load.options.curl import read_curl

    found = read_curl(requests.curl)
    changed: dict[str, Any] = {"method": found.method, "body": found.body, "body_file": found.body_file}
    changed |= {"http": asked.http or found.http, "ca": asked.ca or found.ca}
    return found.url, replace(
        asked,
        **changed,
        header=[*found.header, *asked.header],
        insecure=asked.insecure or found.insecure,
        follow=asked.follow or found.follow,
        timeout_s=asked.timeout_s if found.timeout_s is None else found.timeout_s,
    )


def _of_har(url: str, asked: Asked, requests: RequestOptions) -> tuple[str, Asked]:
    from hinterland.load.options.har import read_har

    assert requests.har is not None
    url, visit, others = read_har(requests.har.expanduser(), url)
    if others:
        print(f"{others} requests of {requests.har} go to other hosts, and are left out.", file=sys.stderr)
    return url, replace(asked, request=[visit])


def curl_without_secrets(text: str) -> str:
    """Returns a curl command as it may be kept."""
    from hinterland.cli.load.command import value_without_secret

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"curl: the command can't be taken apart: {error}.", "Close its quotes.") from None
    kept = []
    for before, word in zip(["", *words], words, strict=False):
        if before in ("-u", "--user", "-b", "--cookie"):
            kept.append(MASK)
        elif before in ("-H", "--header"):
            kept.append(value_without_secret("-H", word))
        elif (found := _SECRET.fullmatch(word)) and found[3]:
            kept.append(f"{found[1]}{found[2]}{MASK}")
        else:
            kept.append(hidden(word))
    return shlex.join(kept)
