"""What can go wrong, in the classes that requests users know: python exception_handling.py [URL]

Each error says which proxy was tried last (without its password), why it failed, and what was tried before.
"""

import sys

import requests

import shoal_client
from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"


def fetch(session: Session, url: str) -> None:
    try:
        response = session.get(url, timeout=(3, 5))
        response.raise_for_status()
    except shoal_client.NoProxyError as error:
        print("no proxy to try:", error)
    except requests.exceptions.ConnectTimeout as error:
        print("connecting took too long:", error.proxy, error.reason)
    except requests.exceptions.ReadTimeout as error:
        print("the answer took too long:", error.proxy, error.reason)
    except requests.exceptions.ProxyError as error:
        print("the proxy failed:", error.proxy, error.reason)
    except requests.exceptions.SSLError as error:
        print("TLS failed, the proxy may interfere:", error.proxy, error.reason)
    except requests.exceptions.HTTPError as error:
        print("the site said", error.response.status_code)
    except requests.exceptions.ConnectionError as error:
        print("the connection broke:", error)
    else:
        for tried in response.tries:
            print("went on after", tried.proxy, tried.failure)
        print(response.status_code, "through", response.proxy)


with Session() as session:
    fetch(session, url)

with Session(filters={"country": "XX"}) as picky:
    fetch(picky, url)

with Session(proxy_list=["http://127.0.0.1:9"]) as broken:
    fetch(broken, url)
