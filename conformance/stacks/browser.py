#!/usr/bin/env python3
"""Trains the page of examples/browser in headless Chromium and checks that the loss falls.

    python browser.py --lossgen ../lossgen [--screenshot page.png]

The page is served from a folder of its own with a freshly emitted file. Node, npm and
Chromium are needed; what is missing is said with the command that installs it.
"""

import argparse
import functools
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

from generate import write

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache" / "browser"
PACKAGES = ["onnxruntime-web@1.30.0", "playwright-core@1.65.1"]
TOOLS = {"node": "apt-get install nodejs (18 or later)", "npm": "apt-get install npm"}

VISIT = """import { chromium } from "playwright-core";
const [url, screenshot, executablePath] = process.argv.slice(2);
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args: flags });
const page = await browser.newPage({ viewport: { width: 1180, height: 860 }, deviceScaleFactor: 2 });
const errors = [];
page.on("pageerror", (e) => errors.push(e.message));
page.on("console", (m) => { if (m.type() === "error") errors.push(m.text()); });
await page.goto(url);
try {
  await page.waitForFunction("globalThis.training?.losses.length >= 400", undefined, { timeout: 90000 });
} catch (e) {
  errors.push(e.message);
}
if (screenshot) await page.screenshot({ path: screenshot });
const losses = await page.evaluate("globalThis.training?.losses ?? []");
const accuracy = await page.evaluate("document.getElementById('accuracy').value");
const time = await page.evaluate("document.getElementById('time').value");
console.log(JSON.stringify({ losses, accuracy, time, errors }));
await browser.close();
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *_):
        pass


def chromium():
    return next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


def missing():
    for tool, install in TOOLS.items():
        if not shutil.which(tool):
            return f"{tool} is missing, install it with: {install}"
    return None if chromium() else "chromium is missing, install it with: apt-get install chromium"


def install():
    if not all((CACHE / "node_modules" / p.split("@")[0]).exists() for p in PACKAGES):
        write(CACHE / "package.json", '{"private": true}\n')
        subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--no-package-lock", "--silent", *PACKAGES], cwd=CACHE, check=True)
    write(CACHE / "visit.mjs", VISIT)


def visit(lossgen, screenshot):
    """Serves the page and returns what happened on it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HERE.parents[1] / "examples" / "browser", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        os.symlink(CACHE / "node_modules", pathlib.Path(folder) / "node_modules")
        subprocess.run([lossgen, "emit", "cross_entropy.onnx", "--adapter", "js"], cwd=folder, check=True, capture_output=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(["node", "visit.mjs", f"http://127.0.0.1:{server.server_port}/", screenshot, chromium()],
                              cwd=CACHE, stdout=subprocess.PIPE, check=True)
        server.shutdown()
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lossgen", default="lossgen")
    parser.add_argument("--screenshot", default="", help="file to write a picture of the page to")
    options = parser.parse_args()
    lossgen = os.path.abspath(shutil.which(options.lossgen) or parser.error(f"no command {options.lossgen}"))
    if missing():
        print(f"NOT RUN: {missing()}")
        return 0
    install()
    seen = visit(lossgen, options.screenshot and os.path.abspath(options.screenshot))
    for error in seen["errors"]:
        print(f"the page says: {error}")
    losses = seen["losses"]
    falls = len(losses) == 400 and abs(losses[0] - 1.0986123) < 1e-6 and losses[-1] < 0.3 and all(b < a for a, b in zip(losses, losses[1:]))
    ends = f"from {losses[0]:.4f} to {losses[-1]:.4f}" if losses else "of nothing"
    print(f"{len(losses)} steps in Chromium, loss {ends}, accuracy {seen['accuracy']}, loss and gradient {seen['time']}")
    return 0 if falls and not seen["errors"] else 1


if __name__ == "__main__":
    sys.exit(main())
