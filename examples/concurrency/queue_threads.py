"""A queue between threads: few workers, many proxies, bounded memory, and an end.

    python examples/concurrency/queue_threads.py

The producer waits while the queue is full; the workers wait while it is empty; one `None` for each worker says that
nothing more comes.
"""

import queue
import socket
import threading

WORKERS = 8


def listens(port: int) -> bool:
    """The first step of every check: does anybody answer there at all?"""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def check_all(ports: list[int], workers: int = WORKERS) -> dict[int, bool]:
    jobs: queue.Queue[int | None] = queue.Queue(maxsize=2 * workers)
    results: queue.Queue[tuple[int, bool]] = queue.Queue()

    def work() -> None:
        while (port := jobs.get()) is not None:
            results.put((port, listens(port)))

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for port in ports:
        jobs.put(port)
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        thread.join()
    return dict(results.get() for _ in ports)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, but it does not listen: connections to it are refused
        alive, dead = server.getsockname()[1], bound.getsockname()[1]
        found = check_all([alive, dead] * 10)
    print(f"{WORKERS} threads checked 20 entries: alive {found[alive]}, dead {found[dead]}")


if __name__ == "__main__":
    main()
