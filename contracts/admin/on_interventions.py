"""What contracts add to the page of a DI: its contract, its line, the call-outs left."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contracts.models import Contract, ContractLine, ContractRequest
from contracts.services.callouts import callouts_left
from interventions.models import InterventionRequest
from openfire_billing.web.contributions import SmartButton, Tab, contribute

DI = "interventions.InterventionRequest"


def _contract_of(intervention: InterventionRequest, user: Any) -> dict[str, Any]:
    request = (
        ContractRequest.objects.filter(intervention=intervention)
        .select_related("line__contract__payer", "line__address", "line__equipment")
        .first()
    )
    if request is None or not user.has_perm("contracts.view_contract"):
        return {"request": None}
    line = request.line
    return {
        "request": request,
        "line": line,
        "contract": line.contract,
        "callouts_left": callouts_left(line, timezone.localdate()) if line.uses_callouts else None,
    }


contribute(
    InterventionRequest,
    smart_buttons=[
        SmartButton(
            "contracts", _("Contrat"), "contract", "contracts.Contract", order=60, permission="contracts.view_contract"
        )
    ],
    origins={
        "contracts": lambda di: Contract.objects.filter(lines__requests__intervention=di).values("pk"),
    },
    tabs=[Tab("contract", _("Contrat"), "contracts/on_intervention_tab.html", _contract_of, order=90)],
)
contribute(
    Contract,
    smart_buttons=[SmartButton("interventions", _("Planification"), "event_note", DI, order=10)],
    origins={
        "interventions": lambda contract: ContractRequest.objects.filter(line__contract=contract).values(
            "intervention"
        ),
    },
)
contribute(
    ContractLine,
    smart_buttons=[SmartButton("interventions", _("Planification"), "event_note", DI, order=10)],
    origins={"interventions": lambda line: ContractRequest.objects.filter(line=line).values("intervention")},
)
