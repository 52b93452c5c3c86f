"""A geocoder on this machine that speaks addok's CSV: a real HTTP server, which answers as it is told."""

import csv
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ADDED = (
    "latitude",
    "longitude",
    "result_label",
    "result_score",
    "result_score_next",
    "result_type",
    "result_id",
    "result_housenumber",
    "result_name",
    "result_street",
    "result_postcode",
    "result_city",
    "result_citycode",
    "result_status",
)
Place = tuple[str, str, str, str, str]  # latitude, longitude, score, type, postcode


@dataclass
class Geocoder:
    """`places`: {street: what is found}; other streets are found at `usual`, None for nothing. `statuses`: of the next
    answers, then 200. `body`: sent in place of a file. `waits`: seconds before each answer. `meanwhile`: called before it.
    """

    url: str = ""
    places: dict[str, Place | None] = field(default_factory=dict)
    usual: Place | None = None
    statuses: list[int] = field(default_factory=list)
    body: bytes | None = None
    waits: float = 0
    meanwhile: object = None
    asked: list[list[dict[str, str]]] = field(default_factory=list)
    fields: list[list[tuple[str, str]]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def answer(self, content_type: str, body: bytes) -> bytes:
        message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
        parts: list[Message] = message.get_payload()  # type: ignore[assignment]
        named = [
            (str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True).decode())
            for part in parts
        ]
        rows = list(csv.DictReader(io.StringIO(dict(named)["data"])))
        self.asked.append(rows)
        self.fields.append([(name, text) for name, text in named if name != "data"])
        text = io.StringIO()
        writer = csv.DictWriter(text, [*rows[0], *ADDED], restval="")
        writer.writeheader()
        for row in rows:
            place = self.places.get(row["street"], self.usual)
            found = dict.fromkeys(ADDED, "") | {"result_status": "not-found"}
            if place:
                names = ("latitude", "longitude", "result_score", "result_type", "result_postcode")
                found |= dict(zip(names, place, strict=True)) | {
                    "result_label": f"{row['street'].upper()} {row['city']}",
                    "result_status": "ok",
                }
            writer.writerow(row | found)
        return text.getvalue().encode()


@contextmanager
def geocoder() -> Iterator[Geocoder]:
    told = Geocoder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.at.append(time.monotonic())
            body = self.rfile.read(int(self.headers["Content-Length"]))
            content = told.answer(self.headers["Content-Type"], body)
            time.sleep(told.waits)
            if callable(told.meanwhile):
                told.meanwhile()
            status = told.statuses.pop(0) if told.statuses else 200
            content = content if told.body is None else told.body
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}/search/csv/"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
