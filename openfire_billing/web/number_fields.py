"""Form fields and text boxes for numbers typed the French way."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES

from openfire_billing.kernel.formats import amount_including_tax, number_text, read_decimal
from openfire_billing.kernel.money import IncludingTax

PRICE_UNIT = _("€ HT")


class DecimalTextInput(forms.TextInput):
    """A text input for a decimal number: it requests the numeric keyboard on phones and formats numbers with a French
    comma. It carries the office's CSS classes, which draw its border.
    """

    def __init__(self, attrs: dict[str, Any] | None = None, *, least_places: int = 2) -> None:
        usual = {"inputmode": "decimal", "autocomplete": "off", "class": " ".join(INPUT_CLASSES)}
        super().__init__({**usual, **(attrs or {})})
        self.least_places = least_places

    def format_value(self, value: Any) -> str:
        if value in (None, ""):
            return ""
        if isinstance(value, str):
            return value
        return number_text(Decimal(value), self.least_places)


class PriceTextInput(DecimalTextInput):
    """The box of a price without tax, its unit behind it."""

    def render(self, *args: Any, **options: Any) -> SafeString:
        return format_html(
            '<span class="of-priced">{}<span>{}</span></span>', super().render(*args, **options), PRICE_UNIT
        )


class DecimalInputField(forms.DecimalField):
    """A decimal form field that reads a comma or a point."""

    def __init__(self, *args: Any, least_places: int = 2, **options: Any) -> None:
        options["widget"] = options.get("widget") or DecimalTextInput(least_places=least_places)
        super().__init__(*args, **options)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs say int
        if isinstance(value, Decimal):
            return value
        try:
            return read_decimal(value)
        except ValueError:
            raise ValidationError(
                _("« %(value)s » n'est pas un nombre : tapez par exemple 12,5."), params={"value": value}
            ) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled:
            return False
        try:
            return read_decimal(initial) != read_decimal(data)
        except ValueError:
            return True

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {}


class PriceInputField(DecimalInputField):
    """The unit price of a line, without tax, of either sign; « 120 ttc » is a price with tax (`IncludingTax`).

    The service that saves the line turns that one into a price without tax, at the rate of the line.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.widget.attrs["inputmode"] = "text"  # keyboards for decimal numbers have no letters, some no minus sign

    def clean(self, value: Any) -> Decimal | IncludingTax | None:  # type: ignore[override]  # a price with tax as well
        amount = amount_including_tax(value)
        if amount is None:
            return super().clean(value)
        price = super().clean(amount)
        if price is None:
            raise ValidationError(
                _("« %(value)s » n'est pas un prix : tapez par exemple 120 ttc."), params={"value": value}
            )
        return IncludingTax(price)
