"""« Prix daté »: the yearly price of an article from a day on."""

from datetime import date
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractLineState, ContractState
from contracts.models import Article, PriceVersion
from contracts.services.locks import lock_line
from contracts.services.next_dates import rewrite_due
from invoicing.choices import LineKind
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import raise_version
from openfire_billing.kernel.errors import BusinessError, WrongState
from openfire_billing.kernel.formats import money_text


def set_price(
    article: Article,
    *,
    from_on: date,
    unit_price: Decimal,
    discount: Decimal,
    seen: int | None = None,
    on: date,
    by: By,
) -> PriceVersion:
    """« Prix daté »: give an article another yearly price, for the first period that starts on or after `from_on`.

    Claims nothing.

    `discount` in percent. Raises BusinessError for a title or a note, WrongState for a cancelled line.
    """
    with atomic():
        line = lock_line(article.line, seen=seen)
        contract = line.contract
        article = Article.objects.select_related("line").get(pk=article.pk)
        if article.kind != LineKind.ARTICLE:
            raise BusinessError(_("« %s » n'a pas de prix : choisissez un article.") % article)
        if article.line.state == ContractLineState.CANCELLED:
            raise WrongState(
                _("« %s » est annulée : remettez-la en brouillon avant d'y changer un prix.") % article.line
            )
        dated = {"article": article, "from_on": from_on}
        version = PriceVersion.objects.filter(**dated).first() or PriceVersion(**dated)
        version.unit_price, version.discount = unit_price, discount
        version.save()
        raise_version(line)
        raise_version(contract)
        record(
            article.line,
            "priced",
            by=by,
            text=_("« %(article)s » : %(price)s HT par an à partir du %(day)s")
            % {
                "article": article,
                "price": money_text(unit_price, contract.company.currency),
                "day": date_format(from_on, "d/m/Y"),
            },
        )
        if contract.state in ContractState.billed:
            rewrite_due([contract.pk], on=on)
    return version
