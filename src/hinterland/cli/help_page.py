"""How `--help` looks: a heading and two columns, no boxes, the same with and without colour."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

WIDEST_LABEL = 22


class HelpPage:
    """Draws the panels of a help page. The methods are those of cyclopts' HelpFormatter protocol."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Prints one panel: its title, then a line or more for each entry."""
        from rich.text import Text

        if not panel.entries:
            return
        labels = [label_of(entry) for entry in panel.entries]
        column = min(WIDEST_LABEL, max(map(len, labels)))
        console.print()
        console.print(Text(plain(panel.title), style="bold"))
        for label, entry in zip(labels, panel.entries, strict=True):
            says = textwrap.wrap(described(entry), max(20, min(console.width, 100) - column - 4)) or [""]
            if len(label) > column:
                console.print(Text(f"  {label}", style="cyan"))
            else:
                first = Text(f"  {label.ljust(column)}  ", style="cyan").append(says.pop(0), style="default")
                console.print(first)
            for line in says:
                console.print(Text(" " * (column + 4) + line))

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """Prints the line that shows how a command is written."""
        if usage:
            text = plain(usage).strip().removeprefix("Usage:").strip()
            console.print(f"Usage: {text}", markup=False, highlight=False)

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        """Prints what the command does."""
        for paragraph in plain(description).strip().split("\n\n"):
            if paragraph:
                text = textwrap.fill(" ".join(paragraph.split()), min(console.width, 100))
                console.print()
                console.print(text, markup=False, highlight=False)


def label_of(entry: HelpEntry) -> str:
    """Returns an entry's left column: `--budget TIME`, `ID`, `--help, -h`."""
    labels = entry.display_labels_with_metavar
    if entry.positional_label:
        # A positional argument is not also offered as an option.
        labels = (entry.positional_label,)
    return ", ".join(labels)


def described(entry: HelpEntry) -> str:
    """Returns an entry's right column, with its choices and its default."""
    parts = [plain(entry.description).strip()]
    if entry.choices:
        parts.append(f"One of {', '.join(entry.choices)}.")
    if entry.default not in (None, "False", '""', "()"):
        parts.append(f"[{entry.default}]")
    return " ".join(part for part in parts if part)


def plain(value: Any) -> str:
    """Returns the text of a str, a rich Text or cyclopts' inline text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if hasattr(value, "plain"):
        return str(value.plain)
    if hasattr(value, "primary_renderable"):
        return plain(value.primary_renderable)
    return str(value)
