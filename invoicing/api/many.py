"""Many documents in one request: invoiced, with a report of one line each."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from invoicing.api.base import DaySerializer, checked_body
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.api.fields import id_field
from openfire_billing.web.api.refusals import (
    MissingStepSerializer,
    NamedDocumentSerializer,
    code_of,
    documents_of,
    refusal_code,
    step_of,
)


class ManySerializer(DaySerializer):
    """Several documents. `group_by_customer`: one invoice for each payer."""

    example = {"ids": [12], "group_by_customer": True}

    ids = serializers.ListField(child=id_field(), allow_empty=False, max_length=1000)
    group_by_customer = serializers.BooleanField(required=False, default=False)


class BatchReportLineSerializer(serializers.Serializer):
    """The result for one document: its invoice, or why there is none."""

    id = serializers.IntegerField()
    invoice = serializers.IntegerField(allow_null=True)
    refusal = serializers.CharField(allow_blank=True)
    code = refusal_code()
    documents = NamedDocumentSerializer(many=True)
    step = MissingStepSerializer(allow_null=True)
    note = serializers.CharField(allow_blank=True)


class BatchReportSerializer(serializers.Serializer):
    """One line for each id of the request, in its order."""

    results = BatchReportLineSerializer(many=True)
    done = serializers.IntegerField()
    refused = serializers.IntegerField()


def invoice_many(permission: str) -> Callable[[Callable[..., list[Outcome]]], Any]:
    """Declare POST /resource/invoice/ {ids, on, group_by_customer}, answered by a report.

    `method(view, documents, body)` returns the outcomes.
    """

    def decorate(method: Callable[..., list[Outcome]]) -> Any:
        @wraps(method)
        def run(view: Any, request: Any) -> Response:
            body = checked_body(view, request)
            ids = list(dict.fromkeys(body.pop("ids")))
            by_pk = view.get_queryset().in_bulk(ids)
            documents = [by_pk[pk] for pk in ids if pk in by_pk]
            outcomes = {outcome.document.pk: outcome for outcome in method(view, documents, body)} if documents else {}
            results = [_report_line(pk, outcomes.get(pk), request) for pk in ids]
            refused = sum(bool(line["refusal"]) for line in results)
            return Response({"results": results, "done": len(results) - refused, "refused": refused})

        return action(
            detail=False,
            methods=["post"],
            url_path="invoice",
            permission=permission,
            asks=ManySerializer,
            answers=BatchReportSerializer,
            is_act=True,
        )(run)

    return decorate


def _report_line(pk: int, outcome: Outcome | None, request: Any) -> dict[str, Any]:
    if outcome is None:
        return {
            "id": pk,
            "invoice": None,
            "refusal": _("N'existe pas, ou n'est pas d'une de vos sociétés."),
            "code": "not_found",
            "documents": [],
            "step": None,
            "note": "",
        }
    made = outcome.made.pk if outcome.made is not None else None
    return {
        "id": pk,
        "invoice": made,
        "refusal": outcome.refusal,
        "code": code_of(outcome.error) or ("refused" if outcome.refusal else ""),
        "documents": documents_of(outcome.error, request),
        "step": step_of(outcome.error, request),
        "note": str(outcome.note),
    }
