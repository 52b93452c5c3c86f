"""A program that receives webhooks: a real HTTP server on this machine, which answers as it is told."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """`answers`: statuses of the next answers, then 200. `waits`: seconds before each answer. `drips`: a header at a time."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    waits: float = 0
    drips: bool = False
    received: list[Received] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [one.event for one in self.received]


def is_signed(one: Received, secret: str, *, now: float, within: int = 300) -> bool:
    """As a program checks it: the documentation says so."""
    parts = dict(part.split("=", 1) for part in one.headers["X-OpenFire-Signature"].split(","))
    digest = hmac.new(secret.encode(), parts["t"].encode() + b"." + one.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(digest, parts["v1"]) and abs(now - int(parts["t"])) <= within


@contextmanager
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.received.append(Received(self.path, dict(self.headers), body))
            time.sleep(told.waits)
            status = told.answers.pop(0) if told.answers else 200
            try:
                if told.drips:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                    for _n in range(40):
                        self.wfile.write(b"X-Drip: 1\r\n")
                        time.sleep(0.1)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{told.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:  # the other side has left
                return

        def log_message(self, *_of_server: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
