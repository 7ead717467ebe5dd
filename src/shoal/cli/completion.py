"""``shoal completion``: what a shell needs to complete commands and flags."""

from __future__ import annotations

import sys

import rich_click as click

from shoal.cli.exits import OK

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print a script that completes shoal's commands and flags in bash, zsh or fish.

    bash: add `eval "$(shoal completion bash)"` to ~/.bashrc. zsh: add `eval "$(shoal completion zsh)"` to ~/.zshrc,
    after compinit. fish: `shoal completion fish > ~/.config/fish/completions/shoal.fish`.
    """
    sys.stdout.write(script(shell))
    return OK


def script(shell: str) -> str:
    """The shell asks the program itself, by the variable ``_SHOAL_COMPLETE``; see click's shell completion."""
    from click.shell_completion import get_completion_class

    from shoal.cli.main import shoal

    kind = get_completion_class(shell)
    assert kind is not None
    # The text alone: click's own way to it also runs bash to find out its version.
    made = kind(shoal, {}, "shoal", "_SHOAL_COMPLETE")
    return made.source_template % made.source_vars() + "\n"
