"""A real headless Chromium for the tests of pages."""

import contextlib
import shutil
import unittest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common import utils
except ImportError:
    webdriver = None
    Service = object


class Driver(Service):
    """Chromedriver by its address: a bare machine has no /etc/hosts for its name."""

    @property
    def service_url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_connectable(self):
        return utils.is_connectable(self.port, "127.0.0.1")


PRESENT = webdriver and shutil.which("chromium") and shutil.which("chromedriver")


def needs_browser():
    """Skips a test on a machine without Chromium."""
    return unittest.skipUnless(PRESENT, "Chromium is missing: apt install chromium "
                                        "chromium-driver python3-selenium")


@contextlib.contextmanager
def browser(width=1280, height=1600, dark=False, network=False):
    """A driver; NETWORK: whether anything but files may be asked for."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                     "--disable-dev-shm-usage", f"--window-size={width},{height}"):
        options.add_argument(argument)
    if not network:
        options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Driver(shutil.which("chromedriver")), options=options)
    try:
        if dark:
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
                "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        yield driver
    finally:
        driver.quit()
