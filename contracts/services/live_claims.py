"""Live claims of a contract or a line."""

from contracts.models import CLAIMS, Contract, ContractLine


def has_live_claims(source: Contract | ContractLine) -> bool:
    """Return whether something of a contract or of a line is claimed: billed, free, waived or billed elsewhere."""
    for model in CLAIMS.values():
        path = model.SOURCE if isinstance(source, Contract) else model.SOURCE.removesuffix("__contract")
        if model.objects.live().filter(**{path: source}).exists():
            return True
    return False
