"""Many requests at once from one session: python threads.py [URL]"""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"

with Session(timeout=10) as session, ThreadPoolExecutor(8) as workers:
    answers = list(workers.map(lambda number: session.get(f"{url}?{number}"), range(24)))
print("answers:", dict(Counter(answer.status_code for answer in answers)))
print("proxies used:", len({answer.proxy for answer in answers}))
