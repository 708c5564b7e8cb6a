"""The forms of claim, a module each. A new module with a `Form` in it is a new form."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from hinterland.claims.grounds.form import Form


@cache
def forms() -> dict[str, type[Form]]:
    """Returns the forms by the key under which a manifest has them."""
    found = {}
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Form) and value.NAME:
                found[value.NAME] = value
    return found
