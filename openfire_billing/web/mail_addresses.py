"""Several e-mail addresses in one box: « compta@x.fr, gerant@x.fr »."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

MOST_ADDRESSES = 5


def clean_addresses(text: str) -> str:
    """Return the addresses of a text joined by « , », each once, in their order; "" for none.

    They are written apart by commas, semicolons or spaces. Raises ValidationError, which names the address that is none.
    """
    found = list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", text))))
    for address in found:
        try:
            validate_email(address)
        except ValidationError:
            raise ValidationError(
                _("« %s » n'est pas une adresse e-mail : écrivez par exemple compta@exemple.fr.") % address
            ) from None
    if len(found) > MOST_ADDRESSES:
        raise ValidationError(
            _("%(most)s adresses au plus : retirez-en %(more)s.")
            % {
                "most": MOST_ADDRESSES,
                "more": len(found) - MOST_ADDRESSES,
            }
        )
    return ", ".join(found)


class AddressesField(forms.CharField):
    """E-mail addresses, apart by commas. The value is their normal form (`clean_addresses`)."""

    widget = forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=1300, **options)

    def clean(self, value: Any) -> str:
        return clean_addresses(super().clean(value))
