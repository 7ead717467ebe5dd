"""Through the gateway: one address with all proxies behind it: SHOAL_GATEWAY=… python gateway.py [URL]

Each request gets another proxy; the filters become parameters in the user name.
"""

import os
import sys

from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"
gateway = os.environ.get("SHOAL_GATEWAY", "http://127.0.0.1:5011")

with Session(gateway=gateway, filters={"maxlatency": 5000}) as session:
    for _ in range(3):
        response = session.get(url)
        print(response.status_code, response.headers.get("X-Shoal-Proxy", "through the gateway"))
