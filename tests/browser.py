"""A headless Chromium, driven by ChromeDriver over plain HTTP."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What is not fetched: the browser's own pages, and what a page carries inside.
OWN = ("chrome", "data:", "blob:")


class Browser:
    """One window."""

    def __init__(self, address: str, width: int, height: int, profile: Path) -> None:
        self.address = address
        metrics = {"width": width, "height": height, "pixelRatio": 1}
        options = {
            "binary": CHROMIUM,
            "args": [*FLAGS, f"--user-data-dir={profile}"],
            "mobileEmulation": {"deviceMetrics": metrics},
        }
        # The log holds every request that a page makes, answered or not.
        logging = {"performance": "ALL", "browser": "ALL"}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": logging}
        answer = self.call("", {"capabilities": {"alwaysMatch": wanted}})
        self.address += f"/{answer['sessionId']}"

    def call(self, path: str, body: Any = None, method: str = "POST") -> Any:
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(
            self.address + path,
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)["value"]

    def open(self, url: str) -> None:
        self.call("/url", {"url": url})

    def run(self, script: str) -> Any:
        return self.call("/execute/sync", {"script": script, "args": []})

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression holds."""
        until = time.monotonic() + 60
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < until, condition
            time.sleep(0.05)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """New entries of a log: performance or browser."""
        entries: list[dict[str, Any]] = self.call("/se/log", {"type": kind})
        return entries

    def requests(self) -> set[str]:
        """The addresses that pages asked for since the last call."""
        messages = [
            json.loads(e["message"])["message"] for e in self.log("performance")
        ]
        return {
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
            and not message["params"]["request"]["url"].startswith(OWN)
        }

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("/screenshot", method="GET")))


@contextmanager
def browser(width: int, height: int, profile: Path) -> Iterator[Browser]:
    """A window of some size; the browser ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert DRIVER
    with subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            window = Browser(f"http://127.0.0.1:{port}/session", width, height, profile)
            try:
                yield window
            finally:
                window.call("", method="DELETE")
        finally:
            driver.terminate()
