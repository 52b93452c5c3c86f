"""Lines in a form: read as edits for the services, totalled by the server's money engine while they are typed."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import construct_instance
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel import money
from openfire_billing.kernel.formats import amount_including_tax, number_text, read_decimal
from openfire_billing.web.known_relations import reuse_known
from openfire_billing.web.number_fields import DecimalInputField, PriceInputField

_CLASSES = "of-input"
_TOO_LARGE = Decimal(10) ** 12
_LAST_POSITION = 2**31 - 1


class LineForm(forms.ModelForm):
    """One line. The service decides whether it is complete: it knows the article, the position and the day."""

    least_quantity: Decimal | None = Decimal("0.001")

    class Meta:
        fields: tuple[str, ...] = (
            "position",
            "kind",
            "product",
            "label",
            "quantity",
            "unit_price",
            "discount",
            "tax",
            "tax_is_manual",
        )
        widgets = {
            "kind": forms.HiddenInput,
            "tax_is_manual": forms.HiddenInput,
            "label": forms.Textarea(
                attrs={"rows": 1, "class": f"{_CLASSES} of-label", "placeholder": _("Description")}
            ),
        }

    position = forms.IntegerField(min_value=0, max_value=_LAST_POSITION, required=False, widget=forms.HiddenInput)
    quantity = DecimalInputField(
        label=_("Qté"), max_digits=12, decimal_places=3, least_places=0, required=False, initial=Decimal(1)
    )
    unit_price = DecimalInputField(
        label=_("Prix unitaire"), max_digits=14, decimal_places=4, min_value=0, required=False
    )
    discount = DecimalInputField(
        label=_("Remise %"), max_digits=5, decimal_places=2, min_value=0, max_value=100, least_places=0, required=False
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["label"].required = False
        if not self.instance.pk:
            self.initial["unit_price"] = None
        for name in ("quantity", "unit_price", "discount"):
            self.fields[name].widget.attrs["class"] = f"{_CLASSES} of-number"
        for name in ("product", "label", "quantity", "unit_price", "discount", "tax"):
            if name in self.fields:  # the head of the column names a box to the eye, not to a screen reader
                self.fields[name].widget.attrs["aria-label"] = str(self.fields[name].label)
        self.know(getattr(self.instance, "product", None))
        reuse_known(self)
        if "tax" in self.fields:
            self.fields["tax"].empty_label = "–"  # type: ignore[attr-defined]

    def know(self, product: Any) -> None:
        """Give the article's box the article already loaded."""
        if "product" in self.fields:
            self.fields["product"].widget.known = {str(product.pk): str(product)} if product else {}

    def has_changed(self) -> bool:
        """Return whether the line counts: a new line without content does not."""
        if self.instance.pk:
            return super().has_changed()
        implied = {"position", "kind", "tax_is_manual"}
        if self["kind"].value() not in (None, "", "article"):
            implied.add("quantity")
        return not implied.issuperset(self.changed_data)

    def clean_quantity(self) -> Decimal:
        quantity = self.cleaned_data.get("quantity")
        if quantity is None:
            return Decimal(1)
        if self.data.get(self.add_prefix("kind")) in (None, "", "article"):
            if self.least_quantity is not None and quantity < self.least_quantity:
                raise ValidationError(
                    _("La quantité n'est pas négative.")
                    if not self.least_quantity
                    else _("La quantité est supérieure à zéro.")
                )
            if self.least_quantity is None and quantity == 0:
                raise ValidationError(_("La quantité n'est pas nulle : supprimez plutôt la ligne."))
        return quantity

    def clean_unit_price(self) -> Decimal | money.IncludingTax:
        """Return the price typed; empty, the article's, which the page may not have filled yet."""
        price = self.cleaned_data.get("unit_price")
        product = self.cleaned_data.get("product")
        return price if price is not None else product.unit_price if product else Decimal(0)

    def clean_discount(self) -> Decimal:
        return self.cleaned_data.get("discount") or Decimal(0)

    def clean_position(self) -> int:
        return self.cleaned_data.get("position") or 0

    def _post_clean(self) -> None:
        """Set the values on the line without Django's checks: the service completes it, then it and the database check
        it.

        Django would query for each constraint and each foreign key of each line.
        """
        self.instance = construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        is_article = data.get("kind", "article") == "article"
        if is_article and not data.get("product") and not data.get("label"):
            raise ValidationError(_("Choisissez un article ou décrivez la ligne."))
        if not is_article and not data.get("label"):
            raise ValidationError(_("Écrivez le texte de la ligne."))
        return data


class SaleLineForm(LineForm):
    """One line of a document that is sold: its price may be typed with tax, or negative for a fixed deduction."""

    price_help = _(
        "Prix unitaire : HT, ou TTC en tapant « 120 ttc ». Remise fixe ou prime : un prix négatif, « -150 »."
    )

    unit_price = PriceInputField(label=_("Prix unitaire"), max_digits=14, decimal_places=4, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["unit_price"].widget.attrs["aria-describedby"] = f"{self.prefix.rpartition('-')[0]}-price-help"


def posted_lines(data: Any, prefix: str) -> list[dict[str, Any]]:
    """Return the lines of a form being typed. An incomplete number, or no price, counts as zero.

    A unit price typed with tax is an `IncludingTax`.
    """

    def read(text: object) -> Decimal:
        try:
            found = read_decimal(text) or Decimal(0)
        except ValueError:
            return Decimal(0)
        return found if abs(found) < _TOO_LARGE else Decimal(0)

    def number(index: int, name: str) -> Decimal:
        return read(data.get(f"{prefix}-{index}-{name}"))

    def price(index: int) -> Decimal | money.IncludingTax:
        amount = amount_including_tax(data.get(f"{prefix}-{index}-unit_price"))
        return number(index, "unit_price") if amount is None else money.IncludingTax(read(amount))

    try:
        count = min(int(data.get(f"{prefix}-TOTAL_FORMS") or 0), 2000)
    except ValueError:
        count = 0
    return [
        {
            "index": index,
            "is_article": (data.get(f"{prefix}-{index}-kind") or "article") == "article",
            "is_deleted": bool(data.get(f"{prefix}-{index}-DELETE")),
            "is_left_out": bool(data.get(f"{prefix}-{index}-covered")),
            "quantity": number(index, "quantity"),
            "unit_price": price(index),
            "discount": number(index, "discount"),
            "tax": data.get(f"{prefix}-{index}-tax") or "",
        }
        for index in range(count)
    ]


def live_totals(request: HttpRequest, *, prefix: str, taxes: dict[str, Any], rounding: str) -> JsonResponse:
    """Return the amounts of a form being typed: net and gross of each row, and the footer. Saves nothing."""
    rows: dict[int, dict[str, str]] = {}
    kept = []
    for line in posted_lines(request.POST, prefix):
        tax = taxes.get(line["tax"])
        if not line["is_article"] or line["is_deleted"]:
            continue
        discount = min(line["discount"], Decimal(100))
        price = line["unit_price"]
        if isinstance(price, money.IncludingTax):
            price = _without_tax(price, tax, line["quantity"], discount, rounding)
        net = money.line_net(line["quantity"], price, discount, rounding)
        gross = money.line_gross(net, tax.rate, rounding) if tax else net
        rows[line["index"]] = {"net": number_text(net), "gross": number_text(gross)}
        if tax and not line["is_left_out"]:
            kept.append((net, tax))
    return JsonResponse({"rows": rows, "footer": totals_html(money.totals(kept, rounding))})


def _without_tax(price: money.IncludingTax, tax: Any, quantity: Decimal, discount: Decimal, rounding: str) -> Decimal:
    """Return the price without tax that is nearest to one typed with tax; zero while the line has no tax."""
    if tax is None:
        return Decimal(0)
    return money.price_without_tax(
        price.amount, tax.rate, quantity=quantity, discount=max(discount, Decimal(0)), rounding=rounding
    ).unit_price


def totals_html(totals: money.Totals) -> str:
    """Return the footer of a document's lines."""
    return render_to_string("office/totals.html", {"totals": totals})
