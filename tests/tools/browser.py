"""A real headless Chromium for the tests of pages."""

import contextlib
import shutil
import socket
import unittest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None


PRESENT = webdriver and shutil.which("chromium") and shutil.which("chromedriver")


def why_not():
    """Why there can be no browser here, or None."""
    if not PRESENT:
        return "Chromium is missing: apt install chromium chromium-driver python3-selenium"
    try:
        socket.getaddrinfo("localhost", None)
    except OSError:
        return "localhost has no address here (no /etc/hosts?), and chromedriver asks for it"
    return None


def needs_browser():
    """Skips a test on a machine without Chromium."""
    return unittest.skipIf(why_not(), why_not())


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
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    try:
        if dark:
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
                "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        yield driver
    finally:
        driver.quit()
