"""Many machines: who checks, through which broker, and how fast the living take over from the dead."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.options.units import Seconds


class ClusterOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Many machines that share a store."""

    broker: Annotated[
        str | None,
        Meta(
            description="Broker of the batches of checks: any URL that Celery understands; default: the shared store."
        ),
    ] = None
    vantage: Annotated[
        str, Meta(description="Where this worker stands, in one word: its checks count for this vantage point.")
    ] = "default"
    batch: Annotated[int, Meta(ge=1, le=1000, description="Checks sent to a worker in one message at most.")] = 200
    lease: Annotated[
        Seconds,
        Meta(gt=0, le=3600, description="A batch whose worker is silent is due again after this (seconds)."),
    ] = 30.0
    leader_lease: Annotated[
        Seconds,
        Meta(gt=0, le=300, description="A scheduler that is silent for this long is replaced by another (seconds)."),
    ] = 10.0
    check_here: Annotated[
        bool | None,
        Meta(description="Check in the scheduler's own process; default: only while no worker is there."),
    ] = None
