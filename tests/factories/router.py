"""A router on this machine that speaks OSRM's `table/v1`: a real HTTP server, which answers as it is told."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit


@dataclass
class Router:
    """Every road takes `seconds` and `metres`; none leads to or from a point of `unreachable` (« lon,lat »).

    `statuses`: of the next answers, then 200. `body`: sent in place of a table. `waits`: seconds before each answer.
    """

    url: str = ""
    seconds: float = 600
    metres: float = 5000
    unreachable: set[str] = field(default_factory=set)
    statuses: list[int] = field(default_factory=list)
    body: bytes | None = None
    waits: float = 0
    asked: list[list[str]] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)

    def answer(self, path: str) -> bytes:
        parts = urlsplit(path)
        begin, _sign, points = parts.path.rpartition("/")
        assert begin == "/table/v1/driving"
        places = points.split(";")
        self.asked.append(places)
        self.annotations += parse_qs(parts.query)["annotations"]

        def value(start: str, end: str, found: float) -> float | None:
            return 0 if start == end else None if {start, end} & self.unreachable else found

        return json.dumps(
            {
                "code": "Ok",
                "durations": [[value(start, end, self.seconds) for end in places] for start in places],
                "distances": [[value(start, end, self.metres) for end in places] for start in places],
                "sources": [{"location": place.split(",")} for place in places],
            }
        ).encode()


@contextmanager
def router() -> Iterator[Router]:
    told = Router()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = told.answer(self.path)
            time.sleep(told.waits)
            status = told.statuses.pop(0) if told.statuses else 200
            content = content if told.body is None else told.body
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                return  # who asked is gone

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
