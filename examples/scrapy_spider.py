"""A Scrapy spider through the pool: python scrapy_spider.py [URL]

In a project, the two settings below go to settings.py.
"""

import os
import sys

from scrapy import Spider
from scrapy.crawler import CrawlerProcess

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"


class Pages(Spider):
    name = "pages"
    start_urls = [url]  # noqa: RUF012 - as every spider has it

    def parse(self, response):
        print(response.status, len(response.body), "bytes through", response.meta["shoal_proxy"])


process = CrawlerProcess(
    {
        "DOWNLOADER_MIDDLEWARES": {"shoal_client.scrapy.ShoalMiddleware": 749},
        "SHOAL_URL": os.environ.get("SHOAL_URL", "http://127.0.0.1:5010"),
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "WARNING",
    }
)
process.crawl(Pages)
process.start()
