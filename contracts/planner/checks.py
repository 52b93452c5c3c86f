"""What a contract must have before anything is planned from it; each refusal names the contract and what to do."""

from contracts.planner import facts as f
from contracts.planner.facts import ContractFacts, Frequency, LineFacts
from contracts.planner.intents import INCOMPLETE, INCONSISTENT
from openfire_billing.errors import BusinessError

_REQUIRED = {
    "payer": "client payeur",
    "company": "société",
    "fiscal_position": "position fiscale",
    "journal": "journal",
}
_CHOICES = {
    "alignment": ("l'alignement", (f.CALENDAR, f.ANNIVERSARY)),
    "proration": ("le prorata", (f.NONE, f.FULL, f.DAYS)),
    "late_billing": ("le mode de facturation en retard", (f.ONE_PER_PERIOD, f.ONE_INVOICE, f.ON_DATE)),
}
_TYPES = {  # unit of the frequency → types de facturation that go with it
    f.VISIT: (f.ON_VISIT, f.IN_ARREARS),
    **dict.fromkeys((f.DAY, f.WEEK, f.MONTH, f.YEAR), (f.IN_ADVANCE, f.IN_ARREARS)),
}


def inconsistent(contract: ContractFacts, what: str) -> BusinessError:
    return BusinessError(f"Contrat {contract.reference} : {what}", code=INCONSISTENT)


def check_contract(contract: ContractFacts) -> None:
    """Raise BusinessError, code `incomplete` or `inconsistent`, when the header cannot be billed."""
    missing = [name for key, name in _REQUIRED.items() if getattr(contract, key) is None]
    if missing:
        raise BusinessError(
            f"Contrat {contract.reference} : {', '.join(missing)} à renseigner avant de facturer.", code=INCOMPLETE
        )
    if contract.end_on is None and not contract.auto_renew:
        raise BusinessError(
            f"Contrat {contract.reference} : date de fin à renseigner, ou renouvellement tacite à cocher.",
            code=INCOMPLETE,
        )
    for key, (name, allowed) in _CHOICES.items():
        if getattr(contract, key) not in allowed:
            raise inconsistent(contract, f"{name} est inconnu ({getattr(contract, key)}).")
    if contract.anchor_day is not None and not 1 <= contract.anchor_day <= 31:
        raise inconsistent(contract, f"le jour d'ancrage ({contract.anchor_day}) doit être compris entre 1 et 31.")


def check_line(contract: ContractFacts, line: LineFacts, frequency: Frequency, invoicing: str) -> None:
    """Raise BusinessError, code `inconsistent`, when a line's terms, the contract's or its own, do not go together."""
    where = f"ligne {line.label} : " if line.label else ""
    if frequency.unit not in _TYPES or frequency.every < 1:
        raise inconsistent(contract, f"{where}la fréquence ({frequency.every} {frequency.unit}) est inconnue.")
    if invoicing not in _TYPES[frequency.unit]:
        allowed = "au jour de la visite ou échu" if frequency.unit == f.VISIT else "à échoir ou échu"
        raise inconsistent(contract, f"{where}avec cette fréquence, la facturation doit être {allowed}.")
    if contract.alignment == f.CALENDAR and frequency.days:
        raise inconsistent(
            contract, f"{where}l'alignement calendaire demande une fréquence en mois ou en années, sinon anniversaire."
        )
    for article in line.articles:
        if not article.prices:
            raise inconsistent(contract, f"{where}l'article {article.label} n'a pas de prix.")
    for visit in line.visits:
        if not 1 <= visit.rank <= visit.of:
            raise inconsistent(contract, f"{where}la visite {visit.rank}/{visit.of} n'existe pas.")
