"""The address at which a technician's calendar program reads his RDVs."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from interventions.models import Technician


class CalendarLink(models.Model):
    """The one key of a technician's calendar feed. `digest`: SHA-256 of the key, in hexadecimal; the key is not kept."""

    technician = models.OneToOneField(
        Technician, models.CASCADE, related_name="calendar_link", verbose_name=_("intervenant")
    )
    digest = models.CharField(_("empreinte de la clé"), max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(_("créé le"), auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("agenda en ligne")
        verbose_name_plural = _("agendas en ligne")

    def __str__(self) -> str:
        return f"{_('Agenda en ligne')} · {self.technician}"
