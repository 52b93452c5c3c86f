"""The pages of a PDF as text and as pixels."""

from io import BytesIO

import pypdfium2
from PIL import Image
from pypdf import PdfReader


def text_of(content: bytes) -> str:
    """The words of all pages."""
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def pages_of(content: bytes) -> list[Image.Image]:
    """Each page as an RGB picture, 72 dots an inch: A4 is 595 by 842."""
    document = pypdfium2.PdfDocument(content)
    try:
        return [page.render(scale=1).to_pil().convert("RGB") for page in document]
    finally:
        document.close()


def box_of(picture: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """The box (left, top, right, bottom) of the pixels near a colour; None when there is none."""
    width, height = picture.size
    found = [
        (x, y)
        for y in range(height)
        for x in range(width)
        if all(abs(have - want) < 24 for have, want in zip(picture.getpixel((x, y)), colour, strict=True))
    ]
    if not found:
        return None
    xs, ys = [x for x, _y in found], [y for _x, y in found]
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1
