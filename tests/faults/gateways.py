"""An SMS backend that dies with the text message, and a mail server that kills who sends to it."""

import os
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def deadly(to: str, body: str, *, key: str) -> str:
    """Send a text message: note it in the file DEADLY_SMS, then die as a process without memory does."""
    with Path(os.environ["DEADLY_SMS"]).open("a") as sent:
        sent.write(f"{to} {body}\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        self.wfile.write(b"220 tests\r\n")
        for line in self.rfile:
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                server.received.append(1)  # type: ignore[attr-defined]
                if server.on_letter(len(server.received)):  # type: ignore[attr-defined]
                    return  # without a word
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


@contextmanager
def mail_server(on_letter: Callable[[int], bool]) -> Iterator[tuple[str, list[int]]]:
    """A mail server: its EMAIL_URL, and a list that grows by one with each letter it received.

    `on_letter(count)` is called before it answers; when it returns True, the server does not answer.
    """
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.received, server.on_letter = [], on_letter  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", server.received  # type: ignore[attr-defined]
        server.shutdown()
