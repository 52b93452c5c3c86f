"""Forms of the acts on contracts, and the fields of the Planification tab."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from contracts.models import Article, ContractLine
from contracts.models.contracts import MONTHS
from contracts.planner.intents import TOO_MANY_PERIODS
from contracts.planner.wording import label_read
from contracts.planner.wording import money as money_text
from contracts.services import waivers
from contracts.services.visits import horizon
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.date_boxes import DayInput
from openfire_billing.web.number_fields import DecimalInputField

BILL_ANYWAY = _("Facturer quand même")


class BillForm(forms.Form):
    """The day, and whether to pass the safety bound."""

    on = forms.DateField(
        label=_("Facturer jusqu'au"),
        widget=DayInput,
        initial=timezone.localdate,
        help_text=_("Tout ce qui est dû ce jour-là, compris, et pas encore facturé."),
    )
    force = forms.BooleanField(
        label=BILL_ANYWAY,
        required=False,
        help_text=_("Même au-delà de 36 périodes échues d'une ligne."),
    )

    def prepare(self, request: Any, documents: Any) -> None:
        if not any(contract.set_aside_code == TOO_MANY_PERIODS for contract in documents):
            self.fields["force"].widget = forms.HiddenInput()


class VisitsForm(forms.Form):
    until = forms.DateField(label=_("Visites jusqu'au"), widget=DayInput, initial=lambda: horizon(timezone.localdate()))


BILL_PAST = _("Facturer aussi ce qui est passé")


class ActivateLineForm(forms.Form):
    """Whether what was due before today is billed too; the refusal without it says what that is."""

    bill_past = forms.BooleanField(label=BILL_PAST, required=False)


class TerminateForm(forms.Form):
    last_day = forms.DateField(label=_("Dernier jour servi"), widget=DayInput, initial=timezone.localdate)
    reason = forms.CharField(label=_("Motif"), max_length=200)


class CallOutForm(forms.Form):
    on = forms.DateField(label=_("À partir du"), widget=DayInput, initial=timezone.localdate)
    title = forms.CharField(label=_("Titre"), max_length=160, required=False)


class _Choices(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple


class WaiveForm(forms.Form):
    """What is not to be billed, among what is due."""

    keys = _Choices(label=_("Ne pas facturer"))

    def prepare(self, request: Any, documents: Any) -> None:
        try:
            due = waivers.charges_due(documents[0], on=timezone.localdate())
        except BusinessError:
            due = []
        currency = documents[0].company.currency
        self.fields["keys"].choices = [  # type: ignore[attr-defined]
            (charge.key, f"{label_read(charge.label)} : {money_text(charge.amount, currency)}") for charge in due
        ]


class TakeBackForm(forms.Form):
    """What is to be billed after all, among what was waived."""

    keys = _Choices(label=_("Remettre à facturer"))

    def prepare(self, request: Any, documents: Any) -> None:
        found = waivers.waived(documents[0])
        self.fields["keys"].choices = [(waivers.claim_key(claim), str(claim)) for claim in found]  # type: ignore[attr-defined]


class PriceForm(forms.Form):
    """Another yearly price of an article from a day on."""

    article = forms.ModelChoiceField(label=_("Article"), queryset=Article.objects.none())
    from_on = forms.DateField(
        label=_("À partir du"),
        widget=DayInput,
        initial=timezone.localdate,
        help_text=_("De la première période qui commence ce jour-là ou après."),
    )
    unit_price = DecimalInputField(label=_("Prix unitaire par an"), max_digits=14, decimal_places=4, min_value=0)
    discount = DecimalInputField(label=_("Remise %"), max_digits=5, decimal_places=2, min_value=0, max_value=100)

    def prepare(self, request: Any, documents: Any) -> None:
        """Choose the only article, and propose its discount."""
        articles = documents[0].articles.filter(kind="article")
        self.fields["article"].queryset = articles  # type: ignore[attr-defined]
        if len(articles) == 1:
            self.fields["article"].initial, self.fields["discount"].initial = articles[0], articles[0].discount


class RepeatInput(forms.NumberInput):
    """« Répéter [2] fois »."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        box = super().render(name, value, attrs, renderer)
        return format_html('<span class="of-inline">{} {} {}</span>', _("Répéter"), box, _("fois"))


class ContractLineForm(forms.ModelForm):
    """The line, with the labels of French maintenance contracts: « Répéter N fois tous les … », « Mois de visite »."""

    visit_months = forms.TypedMultipleChoiceField(
        label=_("Mois de visite"),
        choices=list(enumerate(MONTHS, 1)),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "of-months"}),
    )

    bill_past = forms.BooleanField(
        label=BILL_PAST,
        required=False,
        help_text=_(
            "Des articles ajoutés avec un premier jour passé ; sinon l'enregistrement dit ce qui serait facturé."
        ),
    )

    class Meta:
        model = ContractLine
        fields = ("repeat", "repeat_unit", "visit_months")  # the page adds those of its fieldsets
        labels = {"repeat": _("Fréquence"), "repeat_unit": _("tous les")}
        widgets = {"repeat": RepeatInput(attrs={"class": "of-input of-number", "min": 0, "max": 366})}

    def clean_repeat(self) -> int:
        return self.cleaned_data.get("repeat") or 0

    def clean_included_callouts(self) -> int:
        return self.cleaned_data.get("included_callouts") or 0

    def clean_visit_months(self) -> list[int]:
        return sorted(set(self.cleaned_data.get("visit_months") or []))
