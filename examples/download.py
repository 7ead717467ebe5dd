"""A large answer, written to disk as it comes: python download.py [URL] [FILE]"""

import sys
from pathlib import Path

from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"
path = Path(sys.argv[2] if len(sys.argv) > 2 else "download.out")

with Session() as session, session.get(url, stream=True) as response, path.open("wb") as file:
    response.raise_for_status()
    for chunk in response.iter_content(65_536):
        file.write(chunk)
print(path.stat().st_size, "bytes through", response.proxy)
