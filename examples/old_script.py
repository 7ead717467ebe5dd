"""A script as written for jhao104/proxy_pool, with requests alone; it works unchanged: python old_script.py [URL]"""

import os
import sys

import requests

pool = os.environ.get("SHOAL_URL", "http://127.0.0.1:5010")
url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"


def get_proxy():
    return requests.get(f"{pool}/get/", timeout=5).json()


def delete_proxy(proxy):
    requests.get(f"{pool}/delete/?proxy={proxy}", timeout=5)


proxy = get_proxy().get("proxy")
for _ in range(5):
    try:
        html = requests.get(url, proxies={"http": f"http://{proxy}"}, timeout=5)
        print(html.status_code, "through", proxy)
        break
    except requests.exceptions.RequestException:
        continue
else:
    delete_proxy(proxy)
    sys.exit("five times nothing: deleted that proxy")
