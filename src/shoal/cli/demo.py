"""``shoal demo``: the pool against a simulated internet."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from shoal.cli.flags import running
from shoal.cli.lab import LOOPBACK, lab_flags

if TYPE_CHECKING:
    from pathlib import Path

    from shoal.options import Options


_STOP_LIMIT: Final = 1.0


@click.command()
@lab_flags(3000, "curated")
@running
def demo(options: Options, seed: int, size: int, preset: str, speed: float) -> int:
    """Run the pool against a simulated internet on this machine: nothing outside of it is contacted. Needs Linux.

    Everything else is as in `shoal up`. What it learns goes to a temporary folder unless `--data` names one.
    """
    import tempfile
    from pathlib import Path

    from shoal.cli.up import serve

    with tempfile.TemporaryDirectory(prefix="shoal-demo-", ignore_cleanup_errors=True) as folder:
        words = ("--seed", str(seed), "--size", str(size), "--preset", preset, "--speed", str(speed))
        with lab_process((*words, "--dir", str(Path(folder) / "lab"))) as index:
            return serve(options_for(options, index, Path(folder) / "data"), "shoal demo")


def options_for(options: Options, index: dict[str, Any], folder: Path) -> Options:
    """The user's settings with the lab in place of the internet. Lists and judges that the user names stay."""
    from msgspec.structs import replace

    return replace(
        options,
        sources=replace(options.sources, urls=options.sources.urls or tuple(index["lists"]), catalog=False),
        judge=replace(
            options.judge,
            urls=options.judge.urls or tuple(index["judges"]),
            ca_file=options.judge.ca_file or str(index["ca"]),
            public=False,
        ),
        admission=replace(
            options.admission,
            allow=(*options.admission.allow, LOOPBACK),
            allow_public=(*options.admission.allow_public, LOOPBACK),
        ),
        # The lab's judges are targets to try the gateway on.
        gateway=replace(options.gateway, allow_target=(*options.gateway.allow_target, LOOPBACK)),
        store=replace(options.store, data=options.store.data or str(folder)),
    )


@contextmanager
def lab_process(words: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """A lab in a process of its own, so that it does not compete with the pool for one core; gives its index.

    It has a session of its own: Ctrl-C is for the pool, which ends the lab when it is done itself. Should this process
    die in any way, the lab's standard input ends and it goes too.
    """
    import subprocess

    from shoal.errors import ShoalError

    command = (sys.executable, "-m", "shoal", "lab", "--until-eof", *words)
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            # The lab starts on the other core: load meanwhile what the pool needs, half of the time to the first proxy.
            for module in ("shoal.app", "shoal.api.app", "shoal.api.server", "httpx2"):
                importlib.import_module(module)
            line = process.stdout.readline()
            if not line:
                # It has told why on standard error.
                raise ShoalError("the simulated internet did not start")
            yield json.loads(line)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
