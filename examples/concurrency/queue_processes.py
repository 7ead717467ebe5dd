"""A queue between processes: pages go out as bytes, proxies come back, and every core parses.

    python examples/concurrency/queue_processes.py

Processes share no memory: what goes through the queue is packed here and unpacked there. So there is no lost update,
but each message costs time, and a big result may cost more than the work is worth. Send whole pages, not lines.
"""

import multiprocessing
import os

PAGE = "<table>" + "".join(f"<tr><td>192.0.2.{n % 250}</td><td>{8000 + n}</td></tr>" for n in range(200)) + "</table>"


def parse(jobs, results) -> None:
    """Runs in each worker process."""
    from shoal.sources.extract import extract

    while (page := jobs.get()) is not None:
        results.put((os.getpid(), len(extract(page).candidates)))


def parse_all(pages: list[bytes], processes: int = 2) -> list[tuple[int, int]]:
    """(process, proxies found) of each page, in the order in which they were done."""
    # "spawn" starts clean interpreters. "fork" copies this one with all its locks as they happen to stand: a lock that
    # another thread holds at that moment stays locked in the child for ever.
    context = multiprocessing.get_context("spawn")
    jobs, results = context.Queue(maxsize=2 * processes), context.Queue()
    workers = [context.Process(target=parse, args=(jobs, results), daemon=True) for _ in range(processes)]
    for worker in workers:
        worker.start()
    for page in pages:
        jobs.put(page)
    for _ in workers:
        jobs.put(None)
    # Results first, join second: a child does not end before what it put into a queue was taken out.
    found = [results.get(timeout=60) for _ in pages]
    for worker in workers:
        worker.join()
    return found


def main() -> None:
    found = parse_all([PAGE.encode()] * 40)
    processes = {process for process, _ in found}
    print(f"40 pages, {sum(count for _, count in found)} proxies, parsed by {len(processes)} processes")


if __name__ == "__main__":
    main()
