"""A scenario: a Python file that says what one visitor does.

    def setup():                        # optional; once in each process, before the load
        return open_catalogue()         # what it returns is client.shared

    async def visit(client):            # once for each visit
        login = await client.post("/login", json={"user": client.data["user"]})
        token = login.json()["token"]
        await client.get("/orders", headers={"Authorization": token}, name="orders")
        client.check("has orders", ...)

The requests that a visit awaits are its operations. Each place in the file that awaits one is a kind of its
own, named by `name=` or by its method and path.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from hinterland.errors import UsageError
from hinterland.model.secrecy import hidden, without

METHODS = ("get", "post", "put", "patch", "delete", "head", "request")
OTHER = "other requests"
MOST_KINDS = 256
EXAMPLE = 'Give it: async def visit(client): await client.get("/")'


class Scenario:
    """A scenario file, loaded. `kinds` names its requests; `kind_of` finds one by the line that awaits it."""

    def __init__(self, file: str) -> None:
        self.file = str(Path(file).absolute())
        self.shared: Any = None
        tree = _tree(self.file)
        self._kinds = _kinds(tree)
        self.kinds = (*dict.fromkeys(self._kinds.values()), OTHER)
        if len(self.kinds) > MOST_KINDS:
            raise UsageError(f"{file} has more than {MOST_KINDS - 1} requests.", "Give some the same name=.")
        self._places = {line: self.kinds.index(name) for line, name in self._kinds.items()}
        module = _module(self.file, tree)
        self.visit = self._visit_of(module)
        self._setup = getattr(module, "setup", None)
        self._made_ready: asyncio.Future[None] | None = None
        self.first_exception = ""

    def kind_of(self, file: str, line: int) -> int:
        """Returns the place among `kinds` of a request that this line awaits."""
        return self._places.get(line, len(self.kinds) - 1) if file == self.file else len(self.kinds) - 1

    async def make_ready(self) -> None:
        """Runs `setup` once, however often it is asked to. Raises UsageError for what it raises."""
        if self._made_ready is None:
            self._made_ready = asyncio.ensure_future(self._run_setup())
        await asyncio.shield(self._made_ready)

    def explain(self, failure: BaseException, secrets: Iterable[str] = ()) -> str:
        """Returns what to count an exception of a visit as; the first traceback is kept.

        `secrets` are what the visit sent and was given, which nobody shall read there.
        """
        if not self.first_exception:
            self.first_exception = without(self._traceback(failure), secrets)
        line = self._line(failure)
        return f"{type(failure).__name__} in line {line}" if line else type(failure).__name__

    async def _run_setup(self) -> None:
        if self._setup is None:
            return
        try:
            made = self._setup()
            self.shared = await made if inspect.isawaitable(made) else made
        except Exception as failure:
            raise self._error(failure, "setup()") from failure

    def _visit_of(self, module: ModuleType) -> Callable[[Any], Awaitable[Any]]:
        visit = getattr(module, "visit", None)
        if visit is None:
            raise UsageError(f"{self.file} has no visit.", EXAMPLE)
        if not inspect.iscoroutinefunction(visit):
            line = getattr(getattr(visit, "__code__", None), "co_firstlineno", 1)
            raise UsageError(f"{self.file}:{line}: visit is not an async function.", EXAMPLE)
        try:
            inspect.signature(visit).bind(object())
        except TypeError as error:
            line = visit.__code__.co_firstlineno
            raise UsageError(
                f"{self.file}:{line}: visit can't be called with a client: {error}.", EXAMPLE
            ) from None
        checked: Callable[[Any], Awaitable[Any]] = visit
        return checked

    def _error(self, failure: Exception, what: str) -> UsageError:
        return _error(self.file, self._line(failure), failure, what)

    def _line(self, failure: BaseException) -> int:
        return _line(self.file, failure)

    def _traceback(self, failure: BaseException) -> str:
        """Returns the traceback from the first line of the file on: what called it is not the person's."""
        frames = traceback.extract_tb(failure.__traceback__)
        first = next((place for place, frame in enumerate(frames) if frame.filename == self.file), 0)
        lines = traceback.format_list(frames[first:]) + traceback.format_exception_only(failure)
        return "".join(["Traceback (most recent call last):\n", *lines])


def _line(file: str, failure: BaseException) -> int:
    """Returns the innermost line of the file that an exception passed through, 0 if there is none."""
    frames = traceback.extract_tb(failure.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == file), 0)


def _error(file: str, line: int, failure: Exception, what: str) -> UsageError:
    where = f"{file}:{line}" if line else file
    return UsageError(f"{where}: {what}: {type(failure).__name__}: {failure}", "Mend the scenario.")


def _tree(file: str) -> ast.Module:
    try:
        return ast.parse(Path(file).read_text(encoding="utf-8"), file)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(f"scenario {file} can't be read: {error}.", "Give a Python file.") from None
    except SyntaxError as error:
        raise UsageError(f"{file}:{error.lineno}: {error.msg}", "Mend the scenario.") from None


def _module(file: str, tree: ast.Module) -> ModuleType:
    """Returns the module, with its own folder in front when it imports, as Python does with a script."""
    module = ModuleType(Path(file).stem)
    module.__file__ = file
    folder = str(Path(file).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # Dataclasses and the like look their module up by its name.
    sys.modules.setdefault(module.__name__, module)
    try:
        exec(compile(tree, file, "exec"), module.__dict__)
    except Exception as failure:
        raise _error(file, _line(file, failure), failure, "the file itself") from failure
    return module


def _kinds(tree: ast.Module) -> dict[int, str]:
    """Returns the name of the request that is awaited in each line of the file."""
    found: dict[int, str] = {}
    for node in ast.walk(tree):
        call = node.value if isinstance(node, ast.Await) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
            found[call.lineno] = _name(call, call.func.attr)
    return dict(sorted(found.items()))


def _name(call: ast.Call, method: str) -> str:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "name" in given:
        return hidden(_text(given["name"]))
    arguments = list(call.args)
    if method == "request":
        method = _text(arguments.pop(0)) if arguments else _text(given.get("method"))
    return hidden(f"{method.upper()} {_text(arguments[0] if arguments else given.get('path'))}")


def _text(node: ast.expr | None) -> str:
    """Returns a text as it stands in the file; an expression in a text stands in braces."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        return "".join(
            _text(part) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part)}}}" for part in parts
        )
    return "?" if node is None else f"{{{ast.unparse(node)}}}"
