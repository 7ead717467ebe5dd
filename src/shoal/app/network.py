"""What every command that checks needs: address rules, resolver, judges, prober, clock and chance."""

from __future__ import annotations

import gc
import random
import secrets

from msgspec import Struct

from shoal.config.folders import data_folder
from shoal.engine.locator import Locator
from shoal.errors import ConfigError
from shoal.geo import open_geo
from shoal.log import Log
from shoal.net.clock import SystemClock
from shoal.net.descriptors import fitting_concurrency, raise_limit
from shoal.net.nonces import Nonces
from shoal.net.resolver import SystemResolver
from shoal.options import Options
from shoal.policy.address_rules import AddressRules
from shoal.policy.bind import parse_listen
from shoal.policy.own_ports import OwnPorts
from shoal.ports import Clock, Prober, Visitor
from shoal.probe.judges import Judge, chosen_judges
from shoal.probe.panel import JudgePanel
from shoal.probe.prober import NetProber
from shoal.probe.visits import NetVisitor
from shoal.upstream.tls import TlsContexts, make_contexts

log = Log("shoal")


class Network(Struct):
    """What every command that checks needs."""

    rules: AddressRules
    resolver: SystemResolver
    contexts: TlsContexts
    judges: tuple[Judge, ...]
    panel: JudgePanel
    prober: Prober
    visitor: Visitor
    clock: Clock
    rng: random.Random
    concurrency: int
    own_ports: OwnPorts


def open_network(options: Options) -> Network:
    # Records and picks hold no cycles and are kept out of the collector; what is left needs it rarely.
    gc.set_threshold(50_000, 20, 50)
    limit = raise_limit()
    concurrency = fitting_concurrency(options.check.concurrency, limit)
    if concurrency < options.check.concurrency:
        log.warning(
            "fewer checks at once than asked for: the limit on open files is too low",
            wanted=options.check.concurrency,
            used=concurrency,
            limit=limit,
        )
    rules = AddressRules.from_options(options.admission)
    judges = chosen_judges(options.judge, rules.refusal)
    try:
        contexts = make_contexts(options.judge.ca_file)
    except OSError as error:
        raise ConfigError(
            f"--judge-ca {options.judge.ca_file} cannot be read as certificates in PEM form ({error.strerror or error})"
        ) from error
    clock, rng, resolver = SystemClock(), random.Random(secrets.randbits(64)), SystemResolver(rules)
    nonce = Nonces()
    panel = JudgePanel(judges, options.judge, resolver, clock, nonce, contexts)
    prober: Prober = NetProber(options.check, panel, resolver, rules.refusal, clock, nonce, contexts)
    visitor = NetVisitor(options.targets, options.check, panel, resolver, rules.refusal, clock, contexts)
    geo = open_geo(options.geo.country, options.geo.asn, data_folder(options) / "geo")
    if geo is not None:
        prober = Locator(prober, geo)
    return Network(
        rules, resolver, contexts, judges, panel, prober, visitor, clock, rng, concurrency, _own_ports(options)
    )


def _own_ports(options: Options) -> OwnPorts:
    """Where this pool is going to listen, as the settings say: lists are read before it does."""
    ports = OwnPorts()
    for listen in (options.api.listen, options.gateway.listen):
        if listen:
            ports.add(*parse_listen(listen))
    return ports
