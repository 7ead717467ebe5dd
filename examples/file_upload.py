"""Uploads: python file_upload.py [URL] [FILE]

A form with a file and a raw stream. When a proxy fails, the file is rewound and sent through the next one.
"""

import sys
from pathlib import Path

from shoal_client import Session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/upload"
path = Path(sys.argv[2] if len(sys.argv) > 2 else __file__)

with Session() as session:
    with path.open("rb") as file:
        form = session.post(url, files={"file": (path.name, file)}, data={"album": "holiday"})
    print("form:", form.status_code, f"{path.stat().st_size} bytes through", form.proxy)

    with path.open("rb") as file:  # read while it is sent: any size, a few kilobytes of memory
        raw = session.put(url, data=file, headers={"Content-Type": "application/octet-stream"})
    print("stream:", raw.status_code, "through", raw.proxy)
