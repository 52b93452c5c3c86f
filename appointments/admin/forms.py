"""Forms of the acts on RDVs."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment
from appointments.services.planning import propose_slot
from interventions.models import Task, Technician
from invoicing.models import Partner
from openfire_billing.web.date_boxes import MomentInput
from openfire_billing.web.days import MomentFormField, refuse_far_day
from openfire_billing.web.record_select import RecordSelect


def moment_field(label: Any, **options: Any) -> forms.DateTimeField:
    """Return a field for a day and an hour in one box."""
    formats = ["%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M"]
    return MomentFormField(
        label=label, widget=MomentInput(), input_formats=formats, validators=[refuse_far_day], **options
    )


def override_field() -> forms.CharField:
    """Return an optional text field: the reason to schedule despite an absence, hours off or another RDV."""
    return forms.CharField(
        label=_("Dérogation (motif)"),
        required=False,
        max_length=200,
        help_text=_("Seulement pour passer outre une indisponibilité : dites pourquoi, c'est gardé au journal."),
    )


class AppointForm(forms.Form):
    """Technicians and time, pre-filled with the first free slot."""

    technicians = forms.ModelMultipleChoiceField(label=_("Intervenants"), queryset=Technician.objects.none())
    starts_at = moment_field(_("Début"))
    override = override_field()

    def prepare(self, request: Any, documents: Any) -> None:
        intervention = documents[0]
        people = Technician.objects.filter(company=intervention.company, is_active=True)
        self.fields["technicians"].queryset = people  # type: ignore[attr-defined]
        proposal = None if self.is_bound else propose_slot(intervention, not_before=timezone.localtime())
        requested = list(intervention.technicians.all())
        if proposal:
            self.fields["starts_at"].initial = timezone.localtime(proposal.starts_at)
            requested = requested or [proposal.technician]
            self.fields["starts_at"].help_text = _("Premier créneau libre de %s.") % proposal.technician
        self.fields["technicians"].initial = requested


class DoneForm(forms.Form):
    at = moment_field(_("Réalisé le"), initial=lambda: timezone.localtime().replace(second=0, microsecond=0))
    report = forms.CharField(label=_("Compte rendu"), required=False, widget=forms.Textarea(attrs={"rows": 3}))


class UnfinishedForm(forms.Form):
    reason = forms.CharField(label=_("Pourquoi ?"), max_length=200)


class NextForm(forms.Form):
    """A new RDV after this one, with the same technicians."""

    partner = forms.ModelChoiceField(
        label=_("Client"),
        queryset=Partner.objects.filter(is_active=True),
        widget=RecordSelect(Appointment._meta.get_field("partner"), admin.site),
    )
    task = forms.ModelChoiceField(label=_("Tâche"), queryset=Task.objects.filter(is_active=True))
    starts_at = moment_field(_("Début"))
    override = override_field()

    def prepare(self, request: Any, documents: Any) -> None:
        appointment = documents[0]
        if appointment.ends_at:
            self.fields["starts_at"].initial = timezone.localtime(appointment.ends_at)
        self.fields["task"].initial = appointment.task_id
