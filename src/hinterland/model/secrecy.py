"""Which parts of a text are secrets, and the text without them, as it may be printed and kept.

A secret is known by the name beside it (`password=`, `"token":`, `Authorization:`), by its place (behind the
colon of a URL's login, behind Redis's AUTH), or by its looks (`Bearer ...`, a JSON Web Token). What a load
fills in (`{token}`) is none. `split_login` is the one reading of a URL's login: what it calls a password is
both sent and hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

MASK = "***"
LEAST = 3
"""A known secret is looked for in other texts if it is as long as that; a shorter one is in every text."""
LOGIN_SCHEMES = ("postgresql", "postgres", "redis", "rediss")
"""The schemes whose URL may have a login. An @ behind its host means that the password was cut off there."""

Take = Callable[[str], str]
"""What becomes of a secret that was found."""

_NAME = re.compile(
    r"auth(?!or(?!i))|cookie|token|secret|key(?!word|board|stroke)|passw|passphrase|pwd|session|credential"
    r"|signature|jwt|api-?key|(?<![a-z])(?:pass|sid|sig|pin|otp|csrf|xsrf|code_verifier)(?![a-z])",
    re.IGNORECASE,
)
_FILLED_IN = re.compile(r"\{[A-Za-z_]\w*(?:[.-]\w+)*(?::[^{}\s\"']*)?\}")
_AROUND_IT = re.compile(r"\s*(?:bearer|basic|token|digest|[\w.-]+=)?\s*", re.IGNORECASE)
_NO_SECRET = re.compile(r"(?:json|header|pattern|cookie):|(?:null|none|true|false)\Z|\*+\Z", re.IGNORECASE)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_WEIGHT = r"\A(\s*(?:\d+(?:\.\d+)?\s*:)?\s*"
_WORD = r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S+)"

_NAMED = (
    # "password": "x" and 'password': 'x', of JSON and of Python; a text may be cut off before its quote.
    re.compile(
        r"(?P<head>(?P<q>[\"'])(?P<name>[^\"'\\\s]{1,80})(?P=q)\s*(?::|=>?)\s*)"
        r"(?P<value>\"(?:[^\"\\]|\\.)*(?:\"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|\[[^\]]*(?:\]|\Z)|[^\s,}\]\[{]+)"
    ),
    # password = 'x', of SQL, of Python and of GraphQL.
    re.compile(
        r"(?P<head>(?<![\w.-])(?P<name>\w[\w.-]{0,80})\s*[:=]\s*)"
        r"(?P<value>'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"\\]|\\.)*(?:\"|\Z))"
    ),
    # password=x, of a query and of a form.
    re.compile(r"(?P<head>(?<![\w-])(?P<name>[\w\[][\w.\[\]-]{0,80})=)(?P<value>[^&\s\"'<>]+)"),
    # A line of a head: all of it.
    re.compile(
        r"(?im)(?P<head>(?:^|(?<=[\s\"']))(?P<name>(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]+):[ \t]*)"
        r"(?P<value>[^\r\n\"']+)"
    ),
    # token: x, of YAML.
    re.compile(
        r"(?m)(?P<head>^[ \t-]*(?P<name>\w[\w.-]{0,80}):[ \t]+)(?P<value>(?!Bearer|Basic|Digest)[^\s\"']+)"
    ),
    re.compile(r"(?P<head><(?P<name>\w[\w:.-]{0,80})>)(?P<value>[^<]+)(?=</)"),
    re.compile(r"(?P<head>name=\"(?P<name>[^\"]{1,80})\"[^\n]*\r?\n\r?\n)(?P<value>[^\r\n]+)"),
)
_PLACED = (
    re.compile(r"(\b(?:Bearer|Basic|Digest|Negotiate)\s+)((?=[a-z+/~-]*[A-Z0-9=_.])[\w+/=.~-]{6,})"),
    re.compile(r"()\b(eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?)"),
    re.compile(r"(?i)(\bpassword\s+)(E?'(?:[^']|'')*(?:'|\Z)|\$\w*\$.*?\$\w*\$)"),
    re.compile(r"(?i)(\bidentified\s+(?:with\s+\w+\s+)?by\s+)('(?:[^']|'')*(?:'|\Z))"),
    re.compile(rf"(?i){_WEIGHT}auth\s+(?:{_WORD}\s+)?)({_WORD})\s*\Z"),
    re.compile(rf"(?i){_WEIGHT}hello\s+{_WORD}\s+auth\s+{_WORD}\s+)({_WORD})"),
    re.compile(rf"(?i){_WEIGHT}config\s+set\s.*?(?:requirepass|masterauth)\s+)({_WORD})"),
    re.compile(rf"(?i){_WEIGHT}migrate\s.*?\sauth(?:2\s+{_WORD})?\s+)({_WORD})"),
)
_ACL = re.compile(rf"(?i){_WEIGHT}acl\s+setuser\s+{_WORD}\s)(.*)\Z")
_ACL_SECRET = re.compile(r"(?<!\S)([><#!])(\S+)")
_IN_TEXT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#\"'<>]*)@")


def is_secret(name: str) -> bool:
    """Decides whether what has this name (a header, a parameter, a key, a column) is likely a secret."""
    return _NAME.search(name) is not None


def is_filled_in(value: str) -> bool:
    """Decides whether a value holds nothing of its own but what a load fills in, such as `Bearer {token}`."""
    rest = _FILLED_IN.sub("", value)
    return rest != value and _AROUND_IT.fullmatch(rest) is not None


def hidden(text: str) -> str:
    """Returns a text without the secrets that can be told in it."""
    return _sifted(text, lambda secret: MASK)


def secrets_in(text: str) -> tuple[str, ...]:
    """Returns the secrets that can be told in a text."""
    found: list[str] = []

    def take(secret: str) -> str:
        found.append(secret)
        return MASK

    _sifted(text, take)
    return tuple(found)


def without(text: str, known: Iterable[str]) -> str:
    """Returns a text of anybody's without these secrets, and without those that can be told in it."""
    for secret in sorted({each for each in known if len(each) >= LEAST}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return hidden(text)


def split_login(url: str) -> tuple[str | None, str]:
    """Returns the login of a URL, `user:password`, and the URL without it; None where it has none.

    It ends at the last @ before the path: a raw @ belongs to the password, as for curl and libpq.
    """
    found = _URL.fullmatch(url)
    if found is None or "@" not in found[2]:
        return None, url
    login, _, host = found[2].rpartition("@")
    return login, f"{found[1]}://{host}{found[3]}"


def is_cut_off(url: str) -> bool:
    """Decides whether a raw `/`, `?` or `#` in the login of a URL makes its host end too early."""
    found = _URL.fullmatch(split_login(url)[1])
    if found is None or "@" not in found[3]:
        return False
    host, colon, port = found[2].rpartition(":")
    misread = bool(colon) and (not host or not port.isdigit()) and not port.endswith("]")
    return found[1].lower() in LOGIN_SCHEMES or misread


def hidden_url(url: str) -> str:
    """Returns a URL without its password, and without the parameters that are secrets."""
    if is_cut_off(url):
        scheme, _, rest = url.partition("://")
        login, _, bare = rest.rpartition("@")
        user = login.partition(":")[0] if ":" in login else ""
        return hidden(f"{scheme}://{user}:{MASK}@{bare}")
    login_of, bare = split_login(url)
    if login_of is None:
        return hidden(url)
    user, colon, _ = login_of.partition(":")
    scheme, _, rest = hidden(bare).partition("://")
    return f"{scheme}://{user}{colon and f':{MASK}'}@{rest}"


def _sifted(text: str, take: Take) -> str:
    text = _IN_TEXT.sub(lambda found: _login_without(found, take), text)
    for pattern in _NAMED:
        text = pattern.sub(lambda found: _named_without(found, take), text)
    for pattern in _PLACED:
        text = pattern.sub(lambda found: f"{found[1]}{_taken(found[2], take)}", text)
    return _ACL.sub(
        lambda found: found[1] + _ACL_SECRET.sub(lambda one: one[1] + _taken(one[2], take), found[2]), text
    )


def _login_without(found: re.Match[str], take: Take) -> str:
    user, colon, password = found[2].partition(":")
    return f"{found[1]}{user}{colon}{_taken(password, take)}@"


def _named_without(found: re.Match[str], take: Take) -> str:
    name, value = found["name"], found["value"]
    is_count = name.endswith("s") and value.strip().isdigit()
    is_exception = name.endswith(("Error", "Exception", "Warning"))
    if not is_secret(name) or is_count or is_exception or _is_no_secret(value):
        return found[0]
    return f"{found['head']}{_taken(value, take)}"


def _is_no_secret(value: str) -> bool:
    """Decides whether a value only says where a secret is found, or that there is none."""
    return _NO_SECRET.match(value.strip("\"'")) is not None


def _taken(value: str, take: Take) -> str:
    """Returns a value with what `take` makes of it in place of it, within the quotes that it has."""
    quote = value[:1] if value[:1] in ("'", '"') else ""
    inner = value[1:].removesuffix(quote) if quote else value
    if not inner or inner == MASK or is_filled_in(inner):
        return value
    return f"{quote}{take(inner)}{quote}"
