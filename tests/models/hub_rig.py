"""A hub of our own on this machine, and a process whose hub it is.

The hub's address and cache are read when its client is imported: hence the process.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REVISION = "0123456789abcdef0123456789abcdef01234567"
NAME = "clinic/tiny-clip"


class Hub(ThreadingHTTPServer):
    """Serves one folder as the repository ``NAME``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.folder = folder
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Request(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub = self.server
        assert isinstance(hub, Hub)
        path = self.path.partition("?")[0]
        hub.asked.append(f"{self.command} {path}")
        file = hub.folder / path.rpartition("/")[2]
        if path.startswith(f"/api/models/{NAME}/tree/"):
            self.send(json.dumps([listed(part) for part in hub.folder.iterdir()]))
        elif path.startswith(f"/api/models/{NAME}/"):
            self.send(json.dumps({"id": NAME, "sha": REVISION, "siblings": []}))
        elif path.startswith(f"/{NAME}/resolve/") and file.is_file():
            self.send(file.read_bytes())
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send(self, content: str | bytes) -> None:
        body = content.encode() if isinstance(content, str) else content
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{len(body)}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its name
        pass


def listed(file: Path) -> dict[str, object]:
    size = file.stat().st_size
    return {"type": "file", "path": file.name, "size": size, "oid": str(size)}


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """Serve a folder while the block runs."""
    with Hub(folder) as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


def said_of(code: str, hub_address: str, cache: Path, name: str = NAME) -> str:
    """Run code that reads the name from ``sys.argv``; return what it prints."""
    environment = {**os.environ, "HF_ENDPOINT": hub_address, "HF_HOME": str(cache)}
    environment.pop("HF_HUB_OFFLINE", None)
    answer = subprocess.run(
        [sys.executable, "-c", code, name],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return answer.stdout.strip()
