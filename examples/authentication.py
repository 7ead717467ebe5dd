"""Logging in to a site through a proxy: python authentication.py [URL] [CA-FILE]

Credentials go to the site inside TLS, never to the proxy. Over plain http:// every proxy on the way could read them,
so the session refuses, unless the proxy is your own or you say allow_insecure_auth=True.
"""

import sys

import shoal_client
from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "https://example.com/"
ca_file = sys.argv[2] if len(sys.argv) > 2 else True  # the authority of a site of your own

with Session() as session:
    response = session.get(url, auth=("alice", "wonderland"), verify=ca_file)
    print(response.status_code, "logged in over TLS through", response.proxy)

    try:
        session.get(url.replace("https://", "http://"), auth=("alice", "wonderland"))
    except shoal_client.InsecureAuthError as error:
        print("refused:", error)
