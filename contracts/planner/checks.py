"""What a contract needs before it can be planned; each refusal names the contract and what to do."""

from contracts.planner import facts as f
from contracts.planner.facts import ContractFacts, Frequency, LineFacts
from contracts.planner.intents import INCOMPLETE, INCONSISTENT
from contracts.planner.wording import about
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.words import gettext as _

_ALIGNMENTS = (f.CALENDAR, f.ANNIVERSARY)
_PRORATIONS = (f.NONE, f.FULL, f.DAYS)
_LATE = (f.ONE_PER_PERIOD, f.ONE_INVOICE, f.ON_DATE)
_TYPES = {  # unit of the frequency → types de facturation that go with it
    f.VISIT: (f.ON_VISIT, f.IN_ARREARS),
    **dict.fromkeys((f.DAY, f.WEEK, f.MONTH, f.YEAR), (f.IN_ADVANCE, f.IN_ARREARS)),
}


def inconsistent(contract: ContractFacts, what: str) -> BusinessError:
    """Return the refusal of terms that contradict each other."""
    return BusinessError(about(contract, what), code=INCONSISTENT)


def check_contract(contract: ContractFacts) -> None:
    """Raise BusinessError, code `incomplete` or `inconsistent`, when the header cannot be billed."""
    required = (
        ("payer", contract.payer, _("client payeur")),
        ("company", contract.company, _("société")),
        ("fiscal_position", contract.fiscal_position, _("position fiscale")),
        ("journal", contract.journal, _("journal")),
    )
    missing = [(field, label) for field, value, label in required if value is None]
    faults = []
    if missing:
        text = _("%s à renseigner avant de facturer.") % ", ".join(label for _field, label in missing)
        faults.append(BusinessError(about(contract, text), code=INCOMPLETE, field=missing[0][0]))
    if contract.end_on is None and not contract.auto_renew:
        text = _("date de fin à renseigner, ou renouvellement tacite à cocher.")
        faults.append(BusinessError(about(contract, text), code=INCOMPLETE, field="end_on"))
    if faults:
        raise BusinessError.all(faults)
    if contract.alignment not in _ALIGNMENTS:
        raise inconsistent(contract, _("l'alignement est inconnu (%s).") % contract.alignment)
    if contract.proration not in _PRORATIONS:
        raise inconsistent(contract, _("le prorata est inconnu (%s).") % contract.proration)
    if contract.late_billing not in _LATE:
        raise inconsistent(contract, _("le mode de facturation en retard est inconnu (%s).") % contract.late_billing)
    if contract.anchor_day is not None and not 1 <= contract.anchor_day <= 31:
        raise inconsistent(contract, _("le jour d'ancrage (%s) doit être compris entre 1 et 31.") % contract.anchor_day)


def check_line(contract: ContractFacts, line: LineFacts, frequency: Frequency, timing: str) -> None:
    """Raise BusinessError, code `inconsistent`, when a line's terms, the contract's or its own, contradict each other."""
    wrong = _problem_of_terms(contract, frequency, timing) or _problem_of_parts(line)
    if wrong:
        raise inconsistent(
            contract, _("ligne %(line)s : %(what)s") % {"line": line.label, "what": wrong} if line.label else wrong
        )


def _problem_of_terms(contract: ContractFacts, frequency: Frequency, timing: str) -> str:
    if frequency.unit not in _TYPES or frequency.every < 1:
        return _("la fréquence (%(every)s %(unit)s) est inconnue.") % {"every": frequency.every, "unit": frequency.unit}
    if timing not in _TYPES[frequency.unit]:
        if frequency.unit == f.VISIT:
            return _("avec cette fréquence, la facturation doit être au jour de la visite ou échu.")
        return _("avec cette fréquence, la facturation doit être à échoir ou échu.")
    if contract.alignment == f.CALENDAR and frequency.days:
        return _("l'alignement calendaire demande une fréquence en mois ou en années, sinon anniversaire.")
    return ""


def _problem_of_parts(line: LineFacts) -> str:
    for article in line.articles:
        if not article.prices:
            return _("l'article %s n'a pas de prix.") % article.label
    for visit in line.visits:
        if not 1 <= visit.rank <= visit.of:
            return _("la visite %(rank)s/%(of)s n'existe pas.") % {"rank": visit.rank, "of": visit.of}
    return ""
