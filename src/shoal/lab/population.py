"""Who lives in the simulated internet. The same preset, size and seed always give the same population."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from random import Random
from typing import Final, TypeVar

from msgspec import Struct

from shoal.domain import Anonymity, Capability, Credentials, Endpoint, Honesty, Scheme
from shoal.domain.proxy import proxy_url
from shoal.lab import presets
from shoal.lab.ports import PortPlan
from shoal.lab.presets import ALWAYS, DAY, PHASES, PRESETS, FailureKind, Life, Phases, Preset, Shares, Tampering

T = TypeVar("T")


class Behaviour(Struct, frozen=True):
    """What it does with traffic. ``exits`` holds the addresses it leaves by, more than one if it rotates."""

    exits: tuple[str, ...]
    anonymity: Anonymity = Anonymity.ELITE
    distorts: bool = False
    """Sends an invented X-Forwarded-For."""
    connect: bool = True
    tampering: Tampering | None = None
    sometimes: bool = False
    intercepts: bool = False
    fakes: bool = False


class Latency(Struct, frozen=True, gc=False):
    """Medians in seconds at scale 1 and the log-normal sigma of both, attempt to attempt."""

    handshake: float
    first_byte: float
    sigma: float


class LabProxy(Struct, frozen=True):
    """One simulated proxy: the truth about it, and what lists claim (``claimed``)."""

    index: int
    address: str
    port: int
    schemes: tuple[Scheme, ...]
    claimed: Scheme
    life: Life
    behaviour: Behaviour
    latency: Latency
    credentials: Credentials | None = None
    phases: Phases | None = None
    coin: float = 0.0
    """A flapper's chance of success per time slot."""
    dead_kind: FailureKind | None = None
    born: float = 0.0
    dies: float = inf
    once: bool = False
    """A session proxy whose first up run is its only one."""
    preset: Preset = Preset.RAW

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.address, self.port)

    @property
    def honesty(self) -> Honesty:
        """What a perfect examiner would say."""
        if self.behaviour.fakes:
            return Honesty.FAKES
        if self.behaviour.intercepts:
            return Honesty.INTERCEPTS
        return Honesty.TAMPERS if self.behaviour.tampering else Honesty.CLEAN

    @property
    def anonymity(self) -> Anonymity:
        """As a judge sees it through the first scheme: SOCKS adds no headers."""
        return Anonymity.ELITE if self.schemes[0].is_socks else self.behaviour.anonymity

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """Over all its schemes; no tunnel where the TLS inside would not be the target's."""
        web = not all(scheme.is_socks for scheme in self.schemes)
        socks = any(scheme.is_socks for scheme in self.schemes)
        found = []
        if web and not self.behaviour.fakes:
            found.append(Capability.FORWARD)
        if (socks or self.behaviour.connect) and not self.behaviour.intercepts:
            found.append(Capability.TUNNEL)
        if set(self.schemes) != {Scheme.SOCKS4} and not self.behaviour.fakes:
            found.append(Capability.REMOTE_DNS)
        return tuple(found)

    def url(self, scheme: Scheme | None = None) -> str:
        """With the password, for ``scheme`` or the first it really speaks."""
        return proxy_url(scheme or self.schemes[0], self.endpoint, self.credentials, secrets=True)


_SCHEMES: Final = {
    (Scheme.HTTP,): 0.595, (Scheme.HTTPS,): 0.025, (Scheme.SOCKS5,): 0.26,
    (Scheme.SOCKS4,): 0.04, (Scheme.SOCKS4, Scheme.SOCKS4A): 0.08,
}  # fmt: skip
_PORT_WEIGHTS: Final = (0.45, 0.25, 0.12, 0.08, 0.06, 0.04)
_MAX_SIZE: Final = 200_000


def build(
    preset: Preset, size: int, seed: int, ports: PortPlan | None = None, schemes: tuple[Scheme, ...] | None = None
) -> tuple[LabProxy, ...]:
    """``size`` proxies (``Preset.FLOOD`` adds those of its flood). ``schemes``: every proxy speaks just these.

    Raises ValueError for a size outside 1..200,000: beyond that the /24 networks of 127/8 fill up.
    """
    if not 1 <= size <= _MAX_SIZE:
        raise ValueError(f"the lab holds 1 to {_MAX_SIZE} proxies, not {size}")
    ports = ports or PortPlan()
    rng = Random(f"population {preset} {size} {seed}")
    addresses = _addresses(rng, size)
    shared_exits = [_elsewhere(rng) for _ in range(max(1, size // 40))]
    people = tuple(
        _proxy(rng, preset, index, address, ports, schemes, shared_exits) for index, address in enumerate(addresses)
    )
    return people + _flood(rng, size, ports, set(addresses)) if preset is Preset.FLOOD else people


def _addresses(rng: Random, size: int) -> list[str]:
    """Distinct, at most four in a /24, none in 127.0/16."""
    weights = (60, 20, 10, 10) if size < 90_000 else (0, 0, 0, 1)
    addresses: list[str] = []
    blocks = list(range(256, 255 * 256))
    rng.shuffle(blocks)
    for block in blocks:
        here = rng.choices((1, 2, 3, 4), weights)[0]
        addresses += (f"127.{block >> 8}.{block & 255}.{host}" for host in rng.sample(range(1, 255), here))
        if len(addresses) >= size:
            break
    del addresses[size:]
    rng.shuffle(addresses)
    return addresses


def _elsewhere(rng: Random) -> str:
    return f"127.{rng.randint(1, 254)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"


def _pick(rng: Random, shares: Mapping[T, float]) -> T:
    return rng.choices(list(shares), list(shares.values()))[0]


def _proxy(
    rng: Random,
    preset: Preset,
    index: int,
    address: str,
    ports: PortPlan,
    wanted: tuple[Scheme, ...] | None,
    shared_exits: list[str],
) -> LabProxy:
    shares = PRESETS[preset]
    life = _pick(rng, shares.life)
    schemes = wanted or _pick(rng, _SCHEMES)
    if wanted is None and rng.random() < presets.TWO_SCHEMES * shares.misbehaving:
        schemes = (Scheme.SOCKS5, *schemes) if schemes[0].value.startswith("socks4") else (Scheme.HTTP, Scheme.SOCKS5)
    claimed = schemes[0]
    if wanted is None and rng.random() < presets.MISLABELLED * shares.misbehaving:
        claimed = rng.choice([s for s in (Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS5) if s not in schemes])
    dead_kind = _pick(rng, shares.dead_kinds) if life is Life.DEAD else None
    usual = ports.for_scheme(schemes[0])
    if dead_kind is FailureKind.BLACKHOLE:
        usual = ports.holes
    elif dead_kind is FailureKind.REFUSE:
        usual = ports.refused
    phases = PHASES.get(life)
    if phases is not None and shares.always_up:
        phases = ALWAYS
    born = 0.0
    if rng.random() < shares.born_later:
        born = rng.random() * shares.born_later / 0.04 * DAY
    credentials = None
    if rng.random() < shares.with_password:
        credentials = Credentials(f"user{index}", f"pw-{rng.getrandbits(32):08x}")
    behaviour = _behaviour(rng, shares, address, schemes, shared_exits, plain=preset is Preset.ALIVE)
    return LabProxy(
        index=index,
        address=address,
        port=rng.choices(usual, _PORT_WEIGHTS[: len(usual)])[0],
        schemes=schemes,
        claimed=claimed,
        life=life,
        behaviour=behaviour,
        latency=_latency(rng, life, behaviour),
        credentials=credentials,
        phases=phases,
        coin=0.003 * (0.10 / 0.003) ** rng.random() if life is Life.FLAPPER else 0.0,
        dead_kind=dead_kind,
        born=born,
        dies=born + _lifetime(rng, life, shares),
        once=life is Life.SESSION and rng.random() < 0.3,
        preset=preset,
    )


def _lifetime(rng: Random, life: Life, shares: Shares) -> float:
    """Seconds until it is gone for good: mixtures fitted to the survival of good proxies in a list's history."""
    if shares.always_up or life is Life.DEAD:
        return inf
    if life in (Life.STABLE, Life.UNSTEADY):
        return rng.expovariate(1.0) * rng.choices((5, 30, 800), (17, 13, 70))[0] * DAY
    return rng.uniform(0.5, 1.5) * DAY if rng.random() < 0.25 else rng.expovariate(1.0) * 20 * DAY


def _latency(rng: Random, life: Life, behaviour: Behaviour) -> Latency:
    steady = life in (Life.STABLE, Life.SESSION)
    total = rng.lognormvariate(0.5, 0.5) if steady else rng.lognormvariate(1.35, 0.45)
    if behaviour.tampering or behaviour.intercepts:
        total /= 1.5  # malicious ones are among the fastest (ProxyTorrent)
    return Latency(total * 0.35, total * 0.65, 0.9 if steady else 0.55)


def _behaviour(
    rng: Random, shares: Shares, address: str, schemes: tuple[Scheme, ...], shared_exits: list[str], plain: bool
) -> Behaviour:
    if plain:
        return Behaviour(exits=(address,))
    web = not schemes[0].is_socks
    anonymity, distorts = Anonymity.ELITE, False
    if web:
        anonymity = rng.choices((Anonymity.TRANSPARENT, Anonymity.ANONYMOUS, Anonymity.ELITE), (45, 10, 45))[0]
        distorts = anonymity is Anonymity.ANONYMOUS and rng.random() < 0.1
    connect = not web or rng.random() >= presets.NO_CONNECT * (shares.misbehaving or 0.1)
    tampering: Tampering | None = None
    intercepts = fakes = False
    draw = rng.random() / (shares.misbehaving or 1e-9)
    if draw < presets.FAKES:
        # One that mocks echo pages tunnels nothing: an end-to-end check would have got round it.
        fakes, connect = web, connect and not web
    elif draw < presets.FAKES + presets.INTERCEPTS:
        intercepts = connect = True
    elif web and draw < presets.FAKES + presets.INTERCEPTS + sum(presets.TAMPERING.values()):
        tampering = _pick(rng, presets.TAMPERING)
    return Behaviour(
        exits=_exits(rng, address, shared_exits),
        anonymity=anonymity,
        distorts=distorts,
        connect=connect,
        tampering=tampering,
        sometimes=tampering is not None and rng.random() < presets.SOMETIMES,
        intercepts=intercepts,
        fakes=fakes,
    )


def _exits(rng: Random, address: str, shared: list[str]) -> tuple[str, ...]:
    draw = rng.random()
    if draw < presets.EXIT_ROTATES:
        return tuple(_elsewhere(rng) for _ in range(4))
    if draw < presets.EXIT_SHARED:
        return (rng.choice(shared),)
    if draw < presets.EXIT_ELSEWHERE:
        near = rng.random() < 0.5
        return (f"{address.rpartition('.')[0]}.{rng.randint(1, 254)}" if near else _elsewhere(rng),)
    return (address,)


def _flood(rng: Random, size: int, ports: PortPlan, taken: set[str]) -> tuple[LabProxy, ...]:
    """One lab hour after the start, for ten days: SOCKS5 on 20 hosts in one /24 each of four, four exits, p = 15 %."""
    if not ports.flood:
        return ()
    nets = [_elsewhere(rng).rpartition(".")[0] for _ in range(4)]
    spots = [f"{net}.{host}" for net in nets for host in range(1, 255)]
    hosts = rng.sample([spot for spot in spots if spot not in taken], 20)
    exits = [_elsewhere(rng) for _ in range(4)]
    found = []
    for number, (host, port) in enumerate((host, port) for host in hosts for port in ports.flood):
        behaviour = Behaviour(exits=(rng.choice(exits),))
        found.append(
            LabProxy(
                index=size + number,
                address=host,
                port=port,
                schemes=(Scheme.SOCKS5,),
                claimed=Scheme.SOCKS5,
                life=Life.FLAPPER,
                behaviour=behaviour,
                latency=_latency(rng, Life.FLAPPER, behaviour),
                coin=0.15,
                born=3600.0,
                dies=3600.0 + 10 * DAY,
                preset=Preset.FLOOD,
            )
        )
    return tuple(found)
