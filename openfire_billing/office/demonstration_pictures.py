"""The logo and the photographs of the demonstration, drawn: nothing is taken from anybody."""

from io import BytesIO

from PIL import Image, ImageDraw

EMBER, NIGHT, SAND = (214, 84, 32), (32, 41, 56), (232, 222, 205)
_SIZE = (1280, 960)


def logo() -> bytes:
    """Return a PNG with transparency: three flames and a line, 520 × 192 pixels."""
    image = Image.new("RGBA", (520, 192), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for left, top, colour in ((40, 70, EMBER), (100, 20, (240, 140, 40)), (160, 70, EMBER)):
        draw.polygon([(left + 35, top), (left + 70, 150), (left, 150)], fill=colour)
        draw.ellipse([left, 115, left + 70, 172], fill=colour)
    draw.rounded_rectangle([270, 60, 500, 84], 12, fill=NIGHT)
    draw.rounded_rectangle([270, 104, 430, 124], 10, fill=EMBER)
    return _bytes(image, "PNG")


def photograph(number: int) -> bytes:
    """Return a JPEG that stands for a photograph of an appliance, another for each number."""
    wall = tuple(max(0, part - 22 * number) for part in SAND)
    image = Image.new("RGB", _SIZE, wall)
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 760, _SIZE[0], _SIZE[1]], fill=(120, 96, 74))
    left = 440 + 60 * number
    draw.rectangle([left + 160, 0, left + 240, 260], fill=(70, 74, 80))
    draw.rounded_rectangle([left, 250, left + 400, 820], 24, fill=NIGHT)
    draw.rounded_rectangle([left + 50, 320, left + 350, 620], 16, fill=(18, 18, 20))
    for rank in range(4):
        foot = left + 90 + rank * 60
        draw.polygon([(foot, 600), (foot + 60, 600), (foot + 30, 420 + 30 * ((rank + number) % 3))], fill=EMBER)
    return _bytes(image, "JPEG")


def _bytes(image: Image.Image, kind: str) -> bytes:
    output = BytesIO()
    image.save(output, kind)
    return output.getvalue()
