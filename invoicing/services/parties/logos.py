"""Logos as documents print them: PNG or JPEG, no larger than paper can show, kept under the SHA-256 of their bytes."""

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
    """A picture as documents print it: (bytes, media type). Upright, shrunk to LARGEST, transparency kept.

    Raises BusinessError when it is no PNG or JPEG, or broken.
    """
    try:
        with Image.open(BytesIO(content), formats=tuple(_FORMATS)) as opened:
            kind = "PNG" if opened.format == "PNG" else "JPEG"  # a JPEG of several pictures is named MPO
            opened.draft("RGB", LARGEST)  # a large JPEG is read at a smaller scale
            image: Image.Image = ImageOps.exif_transpose(opened)
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as unread:
        raise BusinessError(UNREADABLE, field="logo") from unread
    image = image.convert("RGB" if kind == "JPEG" else "RGBA")
    image.thumbnail(LARGEST)
    kept = BytesIO()
    if kind == "JPEG":
        image.save(kept, "JPEG", quality=92)
    else:
        image.save(kept, "PNG", optimize=True)
    return kept.getvalue(), _FORMATS[kind]


def keep_logo(company: Company) -> None:
    """Keep the company's logo as documents print it from now on, not saved. Raises BusinessError when it is unreadable."""
    if not company.logo:
        company.printed_logo = None
        return
    file = company.logo.open("rb")  # stays open: what was uploaded is stored after this
    content = file.read()
    file.seek(0)
    content, media_type = printable(content)
    name = hashlib.sha256(content).hexdigest()
    company.printed_logo, _is_new = Logo.objects.get_or_create(
        sha256=name, defaults={"content": content, "media_type": media_type}
    )
