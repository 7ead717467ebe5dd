"""Every setting: default, bounds, help. One frozen group a component; ``config`` fills them."""

from __future__ import annotations

from msgspec import Struct

from shoal.options.api import ApiOptions
from shoal.options.check import CheckOptions, JudgeOptions
from shoal.options.cluster import ClusterOptions
from shoal.options.gateway import GatewayOptions
from shoal.options.mirror import MirrorOptions
from shoal.options.pool import SHARED_SCHEMES, GeoOptions, PoolOptions, StoreOptions
from shoal.options.sources import SOURCE_KINDS, AdmissionOptions, OwnSource, SourceOptions
from shoal.options.targets import Expect, OwnTarget, TargetOptions

__all__ = [
    "SHARED_SCHEMES",
    "SOURCE_KINDS",
    "AdmissionOptions",
    "ApiOptions",
    "CheckOptions",
    "ClusterOptions",
    "Expect",
    "GatewayOptions",
    "GeoOptions",
    "JudgeOptions",
    "MirrorOptions",
    "Options",
    "OwnSource",
    "OwnTarget",
    "PoolOptions",
    "SourceOptions",
    "StoreOptions",
    "TargetOptions",
]


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    check: CheckOptions = CheckOptions()
    judge: JudgeOptions = JudgeOptions()
    sources: SourceOptions = SourceOptions()
    admission: AdmissionOptions = AdmissionOptions()
    pool: PoolOptions = PoolOptions()
    store: StoreOptions = StoreOptions()
    api: ApiOptions = ApiOptions()
    gateway: GatewayOptions = GatewayOptions()
    geo: GeoOptions = GeoOptions()
    mirror: MirrorOptions = MirrorOptions()
    targets: TargetOptions = TargetOptions()
    cluster: ClusterOptions = ClusterOptions()
