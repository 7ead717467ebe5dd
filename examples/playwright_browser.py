"""A browser through the pool: python playwright_browser.py [URL]

Needs Playwright and a browser; without them it only shows the settings that Playwright would get.
"""

import shutil
import sys

from shoal_client.playwright import proxy_settings

url = sys.argv[1] if len(sys.argv) > 1 else "https://example.com/"
settings = proxy_settings()

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    print("Playwright is not installed; its proxy would be", settings["server"])
else:
    with sync_playwright() as playwright:
        # The system's Chromium where there is one, else the browser that `playwright install chromium` fetched.
        browser = playwright.chromium.launch(proxy=settings, executable_path=shutil.which("chromium"))
        page = browser.new_page()
        page.goto(url)
        print(page.title(), "through", settings["server"])
        browser.close()
