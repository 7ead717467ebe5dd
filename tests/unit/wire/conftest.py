"""One way to feed every codec: whole, byte by byte, cut in two anywhere, and with a tail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from shoal.wire import RemoteProtocolError

TAIL = b"\x16\x03\x01tail\r\n\r\n"


def feed(codec: Any, pieces: Iterable[bytes]) -> tuple[bytes, tuple[str, int, str] | None]:
    """Everything the codec sent, and how it refused (any other exception than RemoteProtocolError escapes)."""
    sends = hasattr(codec, "data_to_send")
    sent = codec.data_to_send() if sends else b""
    refused = None
    for piece in pieces:
        try:
            codec.receive_data(piece)
        except RemoteProtocolError as error:
            refused = (error.refusal, error.code, str(error))
        if sends:
            sent += codec.data_to_send()
        if refused:
            break
    return sent, refused


class Feeding:
    """``same`` asserts that the cutting of the input changes nothing; ``complete`` also tries a tail."""

    feed = staticmethod(feed)

    def same(self, make: Callable[[], Any], data: bytes, see: Callable[[Any], Any], cuts: Iterable[int] = ()) -> Any:
        """Whole, byte by byte and in two at each of ``cuts``: returns ``(seen, sent, refused)``."""
        ways = [[data], [data[i : i + 1] for i in range(len(data))]]
        ways += [[data[:cut], data[cut:]] for cut in cuts]
        outcomes = []
        for pieces in ways:
            codec = make()
            sent, refused = feed(codec, pieces)
            trailing = codec.trailing_data if refused is None else b""
            outcomes.append((see(codec), sent, refused, trailing))
        for outcome in outcomes[1:]:
            assert outcome == outcomes[0]
        return outcomes[0][:3]

    def complete(self, make: Callable[[], Any], data: bytes, see: Callable[[Any], Any]) -> Any:
        """A complete message: as ``same``, in two at every place, then with a tail, which must come out untouched."""
        seen, sent, refused = self.same(make, data, see, range(len(data) + 1))
        assert refused is None
        assert self.same(make, data + TAIL, see, range(len(data) + len(TAIL) + 1)) == (seen, sent, None)
        codec = make()
        feed(codec, [data + TAIL])
        assert codec.trailing_data == TAIL
        codec.receive_eof()
        return seen, sent


@pytest.fixture(scope="session")
def feeding() -> Feeding:
    return Feeding()
