"""A million generated lines through the reader, beside a bare ``re.finditer`` over the same text.

    python benchmarks/extract.py [--lines 1000000]

CPU seconds and peak resident memory of a process of its own per way: ``finditer`` (finds text, builds nothing),
``stream`` (``extract_stream`` over 64 KiB pieces, one core, bounded memory) and ``extract`` (the whole document, with
repeats removed). The text is nine parts plain entries to one part annotated, broken and commented lines.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from _harness import report
from shoal.domain import Candidate
from shoal.sources.extract import extract, extract_stream

began: list[tuple[float, int]] = []
"""CPU seconds and peak bytes of this process when its input stood ready."""
BARE = re.compile(rb"(?:(\w+)://)?(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}):(\d{1,5})")


def generate(lines: int) -> Iterator[bytes]:
    """The list in pieces of a thousand lines; the same at every run."""
    rng = random.Random(7)
    schemes = ("", "", "http://", "socks4://", "socks5://")
    piece: list[str] = []
    for number in range(lines):
        host = ".".join(str(rng.randrange(1, 224)) for _ in range(4))
        entry = f"{host}:{rng.randrange(1, 65536)}"
        kind = number % 40
        if kind == 7:
            piece.append(f"{entry} US-N-S! +")
        elif kind == 17:
            piece.append(f"{entry}:user:secret")
        elif kind == 27:
            piece.append("# nothing here")
        elif kind == 37:
            piece.append("999.1.2.3:80")
        else:
            piece.append(schemes[number % 5] + entry)
        if len(piece) == 1000:
            yield ("\n".join(piece) + "\n").encode()
            piece = []
    yield "\n".join(piece).encode()


def bare(lines: int) -> int:
    data = b"".join(generate(lines))
    start()
    return sum(1 for _ in BARE.finditer(data))


def stream(lines: int) -> int:
    # The pieces are made beforehand, so that making them is not measured; they count as input in the memory figure.
    pieces = list(generate(lines))
    start()
    return sum(1 for item in extract_stream(pieces) if isinstance(item, Candidate))


def whole(lines: int) -> int:
    data = b"".join(generate(lines))
    start()
    return len(extract(data).candidates)


def start() -> None:
    began.append((time.process_time(), peak()))


def peak() -> int:
    """Peak resident bytes of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(name: str, lines: int, out: Connection) -> None:
    found = {"finditer": bare, "stream": stream, "extract": whole}[name](lines)
    out.send((found, time.process_time() - began[0][0], (peak() - began[0][1]) / 1e6))


def measure(name: str, lines: int) -> tuple[int, float, float]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(name, lines, sender), name=name)
    process.start()
    try:
        found, seconds, megabytes = receiver.recv()
    finally:
        process.join()
    return int(found), float(seconds), float(megabytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    arguments = parser.parse_args()
    rows = []
    base = 0.0
    for name in ("finditer", "stream", "extract"):
        found, seconds, megabytes = measure(name, arguments.lines)
        base = base or seconds
        rows.append(
            {
                "way": name,
                "lines": arguments.lines,
                "found": found,
                "cpu_seconds": round(seconds, 3),
                "ratio_to_finditer": round(seconds / base, 2),
                "added_peak_mb": round(megabytes, 1),
            }
        )
    report(
        "extract",
        {"rows": rows},
        [("way", "found  CPU seconds  x finditer  added peak MB")]
        + [
            (
                str(row["way"]),
                f"{row['found']:>7} {row['cpu_seconds']:>8} {row['ratio_to_finditer']:>10} {row['added_peak_mb']:>12}",
            )
            for row in rows
        ],
    )


if __name__ == "__main__":
    main()
