// Lines to copy: each client through the gateway, with the reader's own address filled in.
export const SNIPPETS = { curl: 'curl', requests: 'requests', httpx2: 'httpx2', scrapy: 'Scrapy', playwright: 'Playwright', env: 'Shell' };

export const hasPassword = (user) => Boolean(user);

export function snippet(kind, url, user) {
  const { protocol, host } = new URL(url);
  const known = user ? `${encodeURIComponent(user)}:PASSWORD@` : '';
  const full = `${protocol}//${known}${host}`;
  const plain = `${protocol}//${host}`;
  const named = `${protocol}//${user ? `${encodeURIComponent(user)}-` : ''}country-us-session-a:${user ? 'PASSWORD' : ''}@${host}`;
  switch (kind) {
    case 'requests':
      return `import requests

proxies = {"http": "${full}", "https": "${full}"}
print(requests.get("https://example.com/", proxies=proxies, timeout=20).status_code)`;
    case 'httpx2':
      return `import httpx2

with httpx2.Client(proxy="${full}", timeout=20) as client:
    print(client.get("https://example.com/").status_code)`;
    case 'scrapy':
      return `# In a spider: every request goes through the gateway.
def start_requests(self):
    for url in self.start_urls:
        yield scrapy.Request(url, meta={"proxy": "${full}"})`;
    case 'playwright':
      return `from playwright.sync_api import sync_playwright

with sync_playwright() as p:
    browser = p.chromium.launch(proxy={"server": "${plain}"${user ? `, "username": "${user}", "password": "PASSWORD"` : ''}})
    page = browser.new_page()
    page.goto("https://example.com/")
    print(page.title())`;
    case 'env':
      return `export HTTP_PROXY=${full} HTTPS_PROXY=${full}
curl https://example.com/`;
    default:
      return `curl -x ${full} https://example.com/
curl -x socks5h://${known}${host} https://example.com/
# the same session keeps the same proxy, here one that leaves in the US
curl -x ${named} https://example.com/`;
  }
}
