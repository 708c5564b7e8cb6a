"""What is a secret in a text, and what is left of the text without it."""

from __future__ import annotations

import pytest

from hinterland.model.secrecy import hidden, hidden_url, is_cut_off, secrets_in, split_login, without

PASSWORD = "s3cr3t-Word9"


@pytest.mark.parametrize(
    ("url", "login", "shown"),
    [
        ("redis://:s3cr@etPass@127.0.0.1:1/0", ":s3cr@etPass", "redis://:***@127.0.0.1:1/0"),
        ("redis://h:1/0", None, "redis://h:1/0"),
        ("postgresql://ann:a:b@c@[::1]:5432/shop", "ann:a:b@c", "postgresql://ann:***@[::1]:5432/shop"),
        ("postgresql://ann:p[w@h/", "ann:p[w", "postgresql://ann:***@h/"),
        ("postgresql://ann@h/", "ann", "postgresql://ann@h/"),
        ("http://h/@ann:17/a?b=c@d", None, "http://h/@ann:17/a?b=c@d"),
        ("http://h:80/@ann?token=abc&a=1", None, "http://h:80/@ann?token=***&a=1"),
        ("http://h/?api_key=abc#access_token=d", None, "http://h/?api_key=***"),
        ("http://h/?token={token}&key={key}", None, "http://h/?token={token}&key={key}"),
        ("http://h/?author=ann&keyword=shoe", None, "http://h/?author=ann&keyword=shoe"),
    ],
)
def test_what_is_sent_as_a_login_is_what_is_hidden(url: str, login: str | None, shown: str) -> None:
    assert split_login(url)[0] == login
    assert hidden_url(url) == shown
    assert not is_cut_off(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:s3cr/etPass@h/0", "redis://:***@h/0"),
        ("redis://:12/etPass@h/0", "redis://:***@h/0"),
        ("postgresql://ann:s3cr?etPass@h/0", "postgresql://ann:***@h/0"),
        ("postgresql://ann:s3cr#etPass@h/0", "postgresql://ann:***@h/0"),
        ("redis://:s3@cr/etPass@h/0", "redis://:***@h/0"),
        ("http://ann:s3cr/etPass@h/", "http://ann:***@h/"),
    ],
)
def test_a_password_that_ends_the_host_too_early_is_hidden_whole(url: str, shown: str) -> None:
    assert is_cut_off(url)
    assert hidden_url(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        '{"user": "ann", "password": "PW"}',
        '{"user": "ann", "password": "PW',
        '{"a": {"accessToken":"PW"}}',
        "{'api_key': 'PW'}",
        '{"keys": ["PW", "PW"]}',
        "user=ann&password=PW",
        "POST /login?client_secret=PW ok",
        "select 1 where password = 'PW'",
        "alter role ann password 'PW'",
        "alter role ann with encrypted password $$PW$$",
        "create user ann identified by 'PW'",
        'mutation { login(password: "PW") { id } }',
        "GET / HTTP/1.1\r\nAuthorization: Basic PW\r\n\r\n",
        "Cookie: a=PW; b=PW",
        "X-Api-Key: PW",
        "token: PW",
        "<user>ann</user><Password>PW</Password>",
        'form-data; name="password"\r\n\r\nPW\r\n',
        "Bearer PW",
        "AUTH PW",
        "auth ann PW",
        "3:AUTH ann PW",
        "HELLO 3 AUTH ann PW SETNAME x",
        "ACL SETUSER ann on >PW ~* +@all",
        "CONFIG SET requirepass PW",
        "MIGRATE h 6379 k 0 5000 AUTH2 ann PW",
        "see redis://:PW@h/0",
        "API_TOKEN = 'PW'",
    ],
)
def test_a_secret_is_told_by_its_name_or_its_place(text: str) -> None:
    assert PASSWORD not in hidden(text.replace("PW", PASSWORD))
    assert any(PASSWORD in each for each in secrets_in(text.replace("PW", PASSWORD)))
    assert "***" in hidden(text.replace("PW", PASSWORD))


@pytest.mark.parametrize(
    "text",
    [
        '{"user": "ann", "max_tokens": 100}',
        '{"token": "{token}", "password": null}',
        "password={password}&user=ann",
        "Authorization: Bearer {token}",
        "extract 'token=json:data.token'",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "ERR AUTH <password> called without any password configured for the default user.",
        'password authentication failed for user "ann"',
        "the server wants a password for user 'ann'; give one in the URL",
        "GET author {key}",
        "select id, password from users where id = {key}",
        "KeyError in line 3",
        "KeyError: 'name'",
        "check header x-count = 3",
        "status 503",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert hidden(text) == text
    assert secrets_in(text) == ()


def test_known_secrets_are_taken_out_of_any_text() -> None:
    assert without("bad login of ann/hunter2: no", ("hunter2", "a")) == "bad login of ann/***: no"
