"""Logos that documents print: PNG or JPEG, reduced to the printed size, stored under the SHA-256 of their bytes."""

import hashlib
from io import BytesIO

from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps, UnidentifiedImageError

from invoicing.models import Company, Logo
from openfire_billing.kernel.errors import BusinessError

LARGEST = (1300, 480)  # pixels: 55 × 20 mm at 600 dots per inch
UNREADABLE = _("Ce logo n'est pas lisible : choisissez un fichier PNG ou JPEG (un SVG se convertit d'abord en PNG).")
_FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg"}


def printable(content: bytes) -> tuple[bytes, str]:
    """Return a picture as documents print it, (bytes, media type): upright, at most LARGEST, with its transparency.

    Raises BusinessError when it is not a readable PNG or JPEG.
    """
    try:
        with Image.open(BytesIO(content), formats=tuple(_FORMATS)) as opened:
            kind = "PNG" if opened.format == "PNG" else "JPEG"  # Pillow names a JPEG of several pictures MPO
            opened.draft("RGB", LARGEST)  # decodes a large JPEG at a smaller scale
            image: Image.Image = ImageOps.exif_transpose(opened)
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as unread:
        raise BusinessError(UNREADABLE, field="logo") from unread
    image = image.convert("RGB" if kind == "JPEG" else "RGBA")
    image.thumbnail(LARGEST)
    output = BytesIO()
    if kind == "JPEG":
        image.save(output, "JPEG", quality=92)
    else:
        image.save(output, "PNG", optimize=True)
    return output.getvalue(), _FORMATS[kind]


def keep_logo(company: Company) -> None:
    """Store the company's logo as documents print it, and set `printed_logo`. Does not save the company.

    Raises BusinessError when the logo is unreadable.
    """
    if not company.logo:
        company.printed_logo = None
        return
    file = company.logo.open("rb")  # stays open: saving the company stores the upload
    content = file.read()
    file.seek(0)
    content, media_type = printable(content)
    name = hashlib.sha256(content).hexdigest()
    company.printed_logo, _is_new = Logo.objects.get_or_create(
        sha256=name, defaults={"content": content, "media_type": media_type}
    )
