"""One request through the pool, without a session: python one_call.py [URL]"""

import sys

from shoal_client import get

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"
response = get(url, timeout=10)
print(response.status_code, len(response.content), "bytes through", response.proxy)
