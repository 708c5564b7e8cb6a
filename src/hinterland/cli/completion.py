"""`hinterland completion SHELL`: the script that makes a shell complete verbs, options, ids and runs."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

HOW = {
    "bash": "source <(hinterland completion bash)",
    "zsh": "source <(hinterland completion zsh)",
    "fish": "hinterland completion fish | source",
}
"""What to write into the shell's start file."""


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Your shell.")],
    /,
) -> int:
    """Print the completion script for a shell: verbs, options, experiment ids and runs.

    For bash put this into ~/.bashrc: source <(hinterland completion bash)
    """
    from hinterland.cli.app import build

    print(build("runs").meta.generate_completion(prog_name="hinterland", shell=shell))
    return 0
