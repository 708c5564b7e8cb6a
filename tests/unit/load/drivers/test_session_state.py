"""What a statement or a command leaves on its connection, and what can't go well whatever the server."""

from __future__ import annotations

import pytest

from hinterland.errors import UsageError
from hinterland.load.drivers.postgresql.state import forgets_names, leaves_something
from hinterland.load.drivers.postgresql.statement import Bound, Prepared
from hinterland.load.drivers.redis.resp import command, first_word
from hinterland.load.drivers.redis.state import LEAVING, Left
from hinterland.load.requests.never import refuse_endless, refuse_undoable


@pytest.mark.parametrize(
    "statement",
    [
        "set statement_timeout = 5", "SET SESSION work_mem = '1MB'", " /* why */ set role reader",
        "set search_path to a",
        "select 1; set a.b = 1", "reset all", "listen news", "prepare p as select 1", "deallocate all",
        "discard plans",
        "create temp table t (id int)", "select 1 into temporary t",
        "declare c cursor with hold for select 1",
        "select pg_advisory_lock(1)", "select pg_try_advisory_lock_shared(1)",
        "select set_config('a.b', '1', false)",
        "do $$ begin perform 1; end $$", "call p()", "load 'auto_explain'", "create table pg_temp.t (id int)",
    ],
)  # fmt: skip
def test_what_a_statement_leaves(statement: str) -> None:
    assert leaves_something(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "select 1", "update t set n = 1", "begin", "set local statement_timeout = 5", "commit; select 1",
        "set transaction isolation level serializable", "select 'set x; set y'", "-- set x\nselect 1",
        'select "temp" from t', "prepare transaction 'x'", "insert into t values ('discard')", "",
    ],
)  # fmt: skip
def test_what_leaves_nothing(statement: str) -> None:
    assert not leaves_something(statement.encode())
    assert not forgets_names(statement.encode())


def test_names_are_given_once_and_not_at_all_behind_a_pooler() -> None:
    prepared, one = Prepared(), Bound(b"select $1", (b"1",))
    first = prepared.wire(one)
    assert b"h0\0" in first
    prepared.accepted()
    assert prepared.wire(one).startswith(b"B")
    assert forgets_names(b"select 1; deallocate all")
    prepared.forget()
    assert b"h1\0" in prepared.wire(one), "whether h0 is gone depends on what became of the statement"
    prepared.accepted()
    prepared.do_without_names()
    for _ in range(2):
        wire = prepared.wire(one)
        assert wire.startswith(b"P")
        assert b"h" not in wire
        prepared.accepted()


def left_after(*commands: str) -> bool:
    left = Left()
    for text in commands:
        word = first_word(command([each.encode() for each in text.split()]))
        if word in LEAVING:
            left.sent(word)
    return left.anything


@pytest.mark.parametrize(
    ("commands", "leaves"),
    [
        (["set a 1", "get a"], False), (["multi"], True), (["multi", "incr a", "exec"], False),
        (["multi", "discard"], False), (["watch a"], True), (["watch a", "unwatch"], False),
        (["watch a", "multi", "unwatch"], True), (["watch a", "multi", "exec"], False), (["select 3"], True),
        (["auth x"], True), (["client tracking on"], True), (["select 3", "multi", "exec"], True),
        (["reset"], True),
    ],
)  # fmt: skip
def test_what_commands_leave(commands: list[str], leaves: bool) -> None:
    assert left_after(*commands) is leaves


@pytest.mark.parametrize(
    ("statement", "has_values", "says"),
    [
        ("copy t from stdin", False, "COPY FROM STDIN"),
        ("select 1; COPY t (a) FROM STDIN with (format csv)", False, "COPY FROM STDIN"),
        ("select {key}; select 2", True, "2 statements at once"),
        ("set statement_timeout = {key}", True, "SET"),
        ("-- the news\nnotify news, '{id}'", True, "NOTIFY"),
    ],
)
def test_statements_that_can_not_be_done_are_refused(statement: str, has_values: bool, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        refuse_undoable(statement, has_values=has_values)


@pytest.mark.parametrize(
    ("statement", "has_values"),
    [
        ("copy t to stdout", False), ("copy t from '/tmp/stdin'", False),
        ("select 'copy t from stdin'", False),
        ("select ';' || {key}::text;", True), ("set a.b = 1", False), ("select 1; select 2", False),
        ("with x as (select {key}::int) select * from x", True),
        ("create table t as select {key}::int", True),
    ],
)  # fmt: skip
def test_statements_that_can_be_done_are_not(statement: str, has_values: bool) -> None:
    refuse_undoable(statement, has_values=has_values)


def test_commands_without_one_reply_are_refused() -> None:
    for text in ("subscribe a", "MONITOR", "client reply off", "hello 3", "ssubscribe a"):
        with pytest.raises(UsageError, match="a load can't time it"):
            refuse_endless([word.encode() for word in text.split()])
    for text in ("publish a b", "client list", "hello 2", "hello", "get subscribe", "client"):
        refuse_endless([word.encode() for word in text.split()])
