"""Several requests by one proxy, as a log-in or a basket needs it: python sticky_session.py [URL]"""

import sys

from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"

with Session(sticky="basket 1", lifetime=600) as session:
    used = {session.get(url).proxy for _ in range(3)}
    print("one session, proxies used:", len(used), *used)

    # Another name is another session; the same Session may serve many.
    print("another session:", session.get(url, sticky="basket 2").proxy)
