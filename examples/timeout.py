"""Time-outs: python timeout.py [URL] [SLOW-URL]

There is always one. A number bounds connecting and waiting for the answer alike, a pair gives each its own; all tries
through several proxies together take no longer than one request may.
"""

import sys
import time

import requests

from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"
slow = sys.argv[2] if len(sys.argv) > 2 else url

with Session(timeout=(3, 10)) as session:  # where a call says nothing: 3 s to connect, 10 s for the answer
    print(session.get(url).status_code, "with the session's time-out")
    print(session.get(url, timeout=5).status_code, "with a time-out of its own")

    started = time.monotonic()
    try:
        session.get(slow, timeout=(2, 0.5))
    except requests.exceptions.ReadTimeout as error:
        print(f"too slow after {time.monotonic() - started:.1f} s, through {error.proxy}: {error.reason}")
