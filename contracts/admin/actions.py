"""The Action menus of contracts and of their lines."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contracts.admin.forms import (
    ActivateLineForm,
    BillForm,
    CallOutForm,
    PriceForm,
    TakeBackForm,
    TerminateForm,
    VisitsForm,
    WaiveForm,
)
from contracts.choices import ContractLineState, ContractState
from contracts.models import Contract, ContractLine
from contracts.services import activation, callouts, cancellation, prices, termination, visits, waivers
from contracts.services.billing import bill_contract, bill_contracts, foresee
from contracts.services.contracts import set_active
from contracts.services.days_served import exceptions_left_out
from contracts.services.outlook import activation_text
from contracts.services.run_outcomes import outcomes_of, outcomes_of_selection
from invoicing.services.records.acts import perform_each
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.undo import Undo
from openfire_billing.web.users import user_of

S, L = ContractState, ContractLineState
CHANGE, BILL = "contracts.change_contract", "contracts.bill_contract"
ADMINISTER, PLAN = "contracts.administer_contract", "interventions.add_interventionrequest"


def _bill_many(request: HttpRequest, contracts: Any, data: dict[str, Any]) -> list[Outcome]:
    once = data["once"]
    key = once and once.name
    run = bill_contracts(contracts, on=data["on"], by=user_of(request), force=bool(data.get("force")), key=key)
    return outcomes_of_selection(run, contracts)


def _bill(request: HttpRequest, contract: Contract, data: dict[str, Any]) -> Outcome:
    run = bill_contract(contract, on=data["on"], by=user_of(request), force=bool(data.get("force")))
    (outcome,) = outcomes_of(run)
    return outcome


def _foresee(request: HttpRequest, contract: Contract, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The drafts that would be made: the same plan, nothing written."""
    (outcome,) = foresee([contract], on=data.get("on") or timezone.localdate(), force=bool(data.get("force")))
    return "contracts/bill_preview.html", {"outcome": outcome}


def _plan(request: HttpRequest, contract: Contract, data: dict[str, Any]) -> Outcome:
    outcomes = visits.plan_visits([contract], until=data["until"], on=timezone.localdate(), by=user_of(request))
    for outcome in outcomes:
        if outcome.is_refused:
            raise outcome.error or BusinessError(outcome.refusal)
    if not outcomes:
        raise BusinessError(
            _("%s : aucune visite à créer d'ici là. Celles qui existent sont derrière « Planification ».") % contract
        )
    return Outcome(contract, notes=(str(_("%s DI créée(s).") % len(outcomes)),))


def _plan_many(request: HttpRequest, contracts: Any, data: dict[str, Any]) -> list[Outcome]:
    return visits.plan_visits(
        contracts, until=data["until"], on=timezone.localdate(), by=user_of(request), once=data["once"]
    )


def _noted(outcome: Outcome, done: Any) -> Outcome:
    """What was done, then its notes."""
    return replace(outcome, notes=(f"{done}.", *outcome.notes)) if outcome.notes else outcome


def _activate(request: HttpRequest, contract: Contract, data: dict[str, Any]) -> Outcome:
    """Activated; the visits that nobody makes are named."""
    outcome = activation.activate_contract(contract, on=timezone.localdate(), seen=data["seen"], by=user_of(request))
    return _noted(outcome, _("activé"))


def _activate_line(request: HttpRequest, line: ContractLine, data: dict[str, Any]) -> Outcome:
    outcome = activation.activate_line(
        line, bill_past=data["bill_past"], on=timezone.localdate(), seen=data["seen"], by=user_of(request)
    )
    return _noted(outcome, _("validée"))


def _terminate(request: HttpRequest, contract: Contract, data: dict[str, Any]) -> Outcome:
    """Terminated; the exceptions that are never billed are named."""
    ended = termination.terminate_contract(
        contract,
        last_day=data["last_day"],
        reason=data["reason"],
        on=timezone.localdate(),
        seen=data["seen"],
        by=user_of(request),
    )
    return _noted(Outcome(ended, notes=tuple(filter(None, [exceptions_left_out(ended)]))), _("résilié"))


_UNDO_ARCHIVE = Undo(
    fields=("is_active",),
    run=lambda request, contract, data: set_active(
        contract, active=data["is_active"], seen=data["seen"], by=user_of(request)
    ),
)
CONTRACT_ACTIONS = (
    DocumentAction(
        name="activate",
        label=_("Activer"),
        icon="play_arrow",
        permission=CHANGE,
        states=frozenset({S.DRAFT}),
        primary_in=frozenset({S.DRAFT}),
        explain=lambda contract: activation_text(contract, on=timezone.localdate()),
        explain_many=_(
            "Chaque contrat reçoit sa référence ; ses visites et ses factures se font dès lors toutes seules, celles des "
            "échéances déjà passées aussi."
        ),
        run=_activate,
        run_many=lambda request, contracts, data: perform_each(
            contracts, lambda c: _activate(request, c, data), once=data["once"]
        ),
        done=_("activé"),
    ),
    DocumentAction(
        name="bill",
        label=_("Facturer"),
        icon="receipt_long",
        permission=BILL,
        states=S.billed,
        primary_in=S.alive,
        explain=_(
            "Des factures en brouillon pour tout ce qui est dû et pas encore facturé. Recommencer n'ajoute rien."
        ),
        form=BillForm,
        preview=_foresee,
        run=_bill,
        run_many=_bill_many,
        done=_("Facturé"),
    ),
    DocumentAction(
        name="plan-visits",
        label=_("Planifier les visites"),
        icon="event_upcoming",
        permission=PLAN,
        states=frozenset({S.VALIDATED}),
        explain=_("Une DI validée pour chaque visite promise d'ici là, une seule fois chacune."),
        form=VisitsForm,
        run=_plan,
        run_many=_plan_many,
        done=_("Visites planifiées"),
    ),
    DocumentAction(
        name="waive",
        label=_("Ne pas facturer"),
        icon="money_off",
        permission=BILL,
        states=S.billed,
        explain=_("Ce qui est coché est réglé sans facture. « Remettre à facturer » le reprend."),
        form=WaiveForm,
        run=lambda request, contract, data: waivers.waive(
            contract, keys=data["keys"], on=timezone.localdate(), seen=data["seen"], by=user_of(request)
        ),
        done=_("ne sera pas facturé"),
    ),
    DocumentAction(
        name="take-back",
        label=_("Remettre à facturer"),
        icon="undo",
        permission=BILL,
        offered=lambda contract: contract.state in S.billed and bool(waivers.waived(contract)),
        form=TakeBackForm,
        run=lambda request, contract, data: waivers.take_back(
            contract, keys=data["keys"], on=timezone.localdate(), seen=data["seen"], by=user_of(request)
        ),
        done=_("remis à facturer"),
    ),
    DocumentAction(
        name="archive",
        label=_("Archiver"),
        icon="archive",
        permission=CHANGE,
        is_direct=True,
        offered=lambda contract: contract.is_active,
        explain=_("Le contrat quitte les listes ; ce qui y est dû se facture toujours."),
        run=lambda request, contract, data: set_active(contract, active=False, seen=data["seen"], by=user_of(request)),
        done=_("archivé"),
        undo=_UNDO_ARCHIVE,
    ),
    DocumentAction(
        name="restore",
        label=_("Remettre en service"),
        explain=_("La fiche revient dans les listes. Rien d'autre ne change."),
        icon="unarchive",
        permission=CHANGE,
        is_direct=True,
        offered=lambda contract: not contract.is_active,
        run=lambda request, contract, data: set_active(contract, active=True, seen=data["seen"], by=user_of(request)),
        done=_("remis en service"),
        undo=_UNDO_ARCHIVE,
    ),
    DocumentAction(
        name="reset",
        label=_("Remettre en brouillon"),
        explain=_("Le contrat se modifie et s'active de nouveau. Rien n'est facturé d'ici là."),
        icon="undo",
        permission=CHANGE,
        states=frozenset({S.CANCELLED}),
        run=lambda request, contract, data: cancellation.reset_contract(
            contract, seen=data["seen"], by=user_of(request)
        ),
        done=_("remis en brouillon"),
    ),
    DocumentAction(
        name="terminate",
        label=_("Résilier"),
        icon="event_busy",
        permission=ADMINISTER,
        states=S.alive,
        explain=_(
            "Ce qui est dû jusqu'au dernier jour se facture encore. Les visites d'après, sans RDV ouvert, s'annulent."
        ),
        form=TerminateForm,
        is_danger=True,
        run=_terminate,
        done=_("résilié"),
    ),
    DocumentAction(
        name="cancel",
        label=_("Annuler"),
        icon="block",
        permission=ADMINISTER,
        states=frozenset({S.DRAFT, S.VALIDATED}),
        explain=_("Refusé dès que quelque chose est facturé : le contrat se résilie alors."),
        is_danger=True,
        run=lambda request, contract, data: cancellation.cancel_contract(
            contract, on=timezone.localdate(), seen=data["seen"], by=user_of(request)
        ),
        done=_("annulé"),
    ),
    DocumentAction(
        name="delete",
        label=_("Supprimer"),
        icon="delete",
        permission="contracts.delete_contract",
        states=frozenset({S.DRAFT}),
        explain=_("Ce contrat en brouillon disparaît, avec ses lignes."),
        is_danger=True,
        leave=True,
        run=lambda request, contract, data: cancellation.delete_contracts([contract], by=user_of(request)) and None,
        run_many=lambda request, contracts, data: perform_each(
            contracts, lambda c: cancellation.delete_contracts([c], by=user_of(request)) and None, once=data["once"]
        ),
        done=_("supprimé"),
    ),
)

LINE_ACTIONS = (
    DocumentAction(
        name="activate",
        label=_("Valider"),
        icon="check",
        permission=CHANGE,
        offered=lambda line: line.state == L.DRAFT and line.contract.state in S.alive,
        primary_in=frozenset({L.DRAFT}),
        explain=_("La ligne est facturée et planifiée dès lors avec son contrat."),
        form=ActivateLineForm,
        run=_activate_line,
        done=_("validée"),
    ),
    DocumentAction(
        name="call-out",
        label=_("Créer un SAV"),
        icon="handyman",
        permission=PLAN,
        offered=lambda line: line.uses_callouts and line.state == L.VALIDATED and line.contract.state in S.billed,
        explain=_("Une DI au site de la ligne, couverte tant qu'il reste des SAV inclus cette année."),
        form=CallOutForm,
        run=lambda request, line, data: callouts.call_out(
            line, on=data["on"], title=data["title"], by=user_of(request)
        ),
        done=_("SAV créé"),
    ),
    DocumentAction(
        name="price",
        label=_("Prix daté"),
        icon="sell",
        permission=BILL,
        offered=lambda line: line.state != L.CANCELLED,
        explain=_("Un autre prix à partir d'une date. Ce qui est déjà facturé ne change pas."),
        form=PriceForm,
        run=lambda request, line, data: (
            prices.set_price(
                data["article"],
                from_on=data["from_on"],
                unit_price=data["unit_price"],
                discount=data["discount"],
                on=timezone.localdate(),
                seen=data["seen"],
                by=user_of(request),
            )
            and None
        ),
        done=_("prix noté"),
    ),
    DocumentAction(
        name="reset",
        label=_("Remettre en brouillon"),
        explain=_("La ligne se modifie et se valide de nouveau. Rien n'en est facturé d'ici là."),
        icon="undo",
        permission=CHANGE,
        states=frozenset({L.CANCELLED}),
        run=lambda request, line, data: cancellation.reset_line(line, seen=data["seen"], by=user_of(request)),
        done=_("remise en brouillon"),
    ),
    DocumentAction(
        name="cancel",
        label=_("Annuler"),
        icon="block",
        permission=CHANGE,
        states=frozenset({L.DRAFT, L.VALIDATED}),
        explain=_("Refusé dès que la ligne est facturée : donnez-lui alors un dernier jour."),
        is_danger=True,
        run=lambda request, line, data: cancellation.cancel_line(
            line, on=timezone.localdate(), seen=data["seen"], by=user_of(request)
        ),
        done=_("annulée"),
    ),
)
