"""Sites that matter to the user: which proxies reach them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.options.units import Seconds


class Expect(Struct, frozen=True, forbid_unknown_fields=True):
    """What a right answer looks like."""

    status: Annotated[
        int | tuple[int, ...], Meta(description="Status, or a list of them; default: every one from 200 to 399.")
    ] = ()
    regex: Annotated[str | None, Meta(description="Must be found in the page (its first 256 KiB).")] = None
    not_regex: Annotated[str | None, Meta(description="Must not be found there; may be written `not-regex`.")] = None

    @property
    def statuses(self) -> tuple[int, ...]:
        return (self.status,) if isinstance(self.status, int) else self.status


class OwnTarget(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ``[[target]]`` table of the settings file, or one target that was added by the API."""

    url: Annotated[str, Meta(description="What is asked for, http or https; only its name leaves this machine.")]
    name: Annotated[
        str, Meta(description="What it is called in `?target=`; default: its host, with the port unless it is usual.")
    ] = ""
    expect: Annotated[Expect, Meta(description="`status`, `regex` and `not-regex` of a right answer.")] = Expect()
    interval: Annotated[
        Seconds | None, Meta(description="Ask each proxy again this often (seconds); default: `targets.interval`.")
    ] = None
    cool_down: Annotated[
        Seconds | None, Meta(description="How long a first ban lasts (seconds); default: `targets.cool_down`.")
    ] = None
    rate: Annotated[float | None, Meta(description="Requests per second to it at most; default: `targets.rate`.")] = (
        None
    )
    user_agent: Annotated[
        str, Meta(description="User-Agent to ask with; default: a browser's first word and ours.")
    ] = ""


class TargetOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which proxies reach which sites; the sites are ``[[target]]`` tables or added by the API."""

    interval: Annotated[Seconds, Meta(gt=0, description="How often each proxy is asked again (seconds).")] = 1800.0
    timeout: Annotated[Seconds, Meta(gt=0, le=300, description="One request to a target (seconds).")] = 15.0
    concurrency: Annotated[int, Meta(ge=1, le=10_000, description="Requests to all targets in flight at once.")] = 50
    rate: Annotated[float, Meta(gt=0, description="Requests per second to each target at most.")] = 5.0
    cool_down: Annotated[
        Seconds,
        Meta(
            gt=0, description="How long a proxy that a target has banned is kept from it; doubled each time (seconds)."
        ),
    ] = 900.0
    max_cool_down: Annotated[Seconds, Meta(gt=0, description="The longest ban (seconds).")] = 86_400.0
    captcha: Annotated[
        tuple[str, ...], Meta(description="Texts in a page that mean a ban, beside the built-in marks of captchas.")
    ] = ()
    own: tuple[OwnTarget, ...] = ()
    """The ``[[target]]`` tables."""
