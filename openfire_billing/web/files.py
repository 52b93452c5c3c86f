"""How an uploaded file is answered: its bytes never run in the product's origin."""

from typing import Any

from django.http import FileResponse

HEAD = 32  # bytes that are enough to recognise a kind
# Kinds shown in the browser, by what they begin with; all others are downloaded.
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")


def kind_shown(head: bytes) -> str:
    """Return the media type of a picture or PDF that the browser may show, by its first bytes; "" for all others."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "image/heic"
    return ""


def file_response(content: Any, name: str) -> FileResponse:
    """Answer an uploaded file: shown when its content is a picture or a PDF, else downloaded as bytes of no kind.

    `content`: a binary file open for reading. Its name and the type that the sender gave decide nothing.
    """
    kind = kind_shown(content.read(HEAD))
    content.seek(0)
    response = FileResponse(
        content, as_attachment=not kind, filename=name, content_type=kind or "application/octet-stream"
    )
    response["Content-Security-Policy"] = "sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
