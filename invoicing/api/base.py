"""The base of the API of every app: company scope, permissions, writes done once, acts."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from invoicing.services.access.second_factor import lacks_device
from invoicing.services.records.acts import Once, perform
from openfire_billing.db.people import By
from openfire_billing.db.scope import visible
from openfire_billing.db.stamps import STAMP, is_stamped
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel.formats import read_id
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.api.fields import DayField, Id, id_field
from openfire_billing.web.api.moments import UPDATED_AFTER, UpdatedAtField
from openfire_billing.web.api.permissions import MayDo, permission_of
from openfire_billing.web.api.refusals import MissingStepSerializer, NamedDocumentSerializer, documents_of, step_of
from openfire_billing.web.api.schema import UNSAFE
from openfire_billing.web.api.strict import checked, refuse_parameters

HEADER = "Idempotency-Key"
LONGEST_KEY = 100


class OnceMixin:
    """A write with an Idempotency-Key is done once; a repeated one gets the stored answer.

    The key is inserted in the transaction of the write: a simultaneous write with the same key waits for it. A refused
    write leaves no key and may be tried again.
    """

    is_keyed = True

    def initial(self, request: Any, *args: Any, **options: Any) -> None:
        key = request.headers.get(HEADER, "").strip() if request.method in UNSAFE else ""
        has_files = request._request.content_type == "multipart/form-data"
        fingerprint = hashlib.sha256(request._request.body).hexdigest() if key and not has_files else ""
        super().initial(request, *args, **options)  # type: ignore[misc]
        name = request.method.lower()
        if key and has_files:
            fingerprint = _digest_of_files(request)
        if key:
            setattr(self, name, self._once(getattr(self, name, self.http_method_not_allowed), key, fingerprint))  # type: ignore[attr-defined, arg-type]

    def _once(self, handler: Callable[..., Response], key: str, fingerprint: str) -> Callable[..., Response]:
        def act(request: Any, *args: Any, **options: Any) -> Response:
            if len(key) > LONGEST_KEY or not key.isprintable():
                raise ValidationError({HEADER: [_("La clé a 100 caractères lisibles au plus.")]})
            request_hash = hashlib.sha256(
                f"{request.method} {request.get_full_path()} {fingerprint}".encode()
            ).hexdigest()
            once = Once(f"user:{request.user.pk}", key, request_hash)
            done = perform(lambda: handler(request, *args, **options), once=once, answer=_kept)
            if done.is_repeat:
                body = json.loads(str(done.answer)) if done.answer else None
                return Response(body, status=done.status, headers={"Idempotency-Replayed": "true"})
            assert done.result is not None
            return done.result

        return act


def _digest_of_files(request: Any) -> str:
    """Return the digest of a form with files, which are not held in memory."""
    digest = hashlib.sha256(repr(sorted(request.POST.items())).encode())
    for name, file in sorted(request.FILES.items()):
        digest.update(f"{name}:{file.name}:{file.size}".encode())
        for chunk in file.chunks():
            digest.update(chunk)
        file.seek(0)
    return digest.hexdigest()


def _kept(response: Response) -> tuple[int, Any]:
    """Return what is stored of an answer: its status and its rendered body."""
    return response.status_code, "" if response.data is None else JSONRenderer().render(response.data).decode()


def _source_of(name: str, field: Any) -> dict[str, str]:
    return {"source": field.source} if field.source not in (None, name) else {}


class OfficeSerializer(serializers.ModelSerializer):
    """A serializer of records. Related records are ids that the user may see; the model checks unique values, in French.

    `rows(queryset, request)` loads what the serializer reads, in a constant number of queries.
    """

    serializer_related_field = Id

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if issubclass(self.Meta.model, Versioned):
            fields["version"] = serializers.IntegerField(required=False, min_value=1)
        if is_stamped(self.Meta.model):
            fields[STAMP] = UpdatedAtField()
        for name, field in fields.items():
            if type(field) is serializers.CharField and field.read_only and (choices := self._choices_of(name, field)):
                fields[name] = serializers.ChoiceField(choices=choices, read_only=True, **_source_of(name, field))
        for field in fields.values():
            field.validators = [v for v in field.validators if not hasattr(v, "queryset")]
        return fields

    def _choices_of(self, name: str, field: Any) -> list[Any]:
        """Return the choices of the column that a field reads; none without a column, or for one without choices."""
        column = next((c for c in self.Meta.model._meta.concrete_fields if c.name == (field.source or name)), None)
        return list(column.flatchoices) if column is not None else []

    def get_validators(self) -> list[Any]:
        return []

    def to_internal_value(self, data: Any) -> Any:
        """Drop the version from the values: the service compares it (`seen`)."""
        values = super().to_internal_value(data)
        values.pop("version", None)
        return values

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset

    @property
    def user(self) -> Any:
        return self.context["request"].user

    @property
    def seen(self) -> int | None:
        """The version of the document that the program has read."""
        version: int | None = self.context["view"].seen
        return version


class OfficeView(OnceMixin, viewsets.GenericViewSet):
    """The base of every address: permissions, company scope, writes done once."""

    permission_classes = [IsAuthenticated, MayDo]
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = "[0-9]+"
    # set by the decorator of an act
    permission = ""
    is_act = False
    asks: Any = None
    answers: Any = None
    status = status.HTTP_200_OK

    @property
    def seen(self) -> int | None:
        """Return the document version that the API client sent, in `version` of the body or in If-Match; None when it
        sent none. Raises ValidationError when it is not an integer.
        """
        body = self.request.data if isinstance(self.request.data, Mapping) else {}
        text = body.get("version") or self.request.headers.get("If-Match", "").strip(' "W/')
        if text in (None, ""):
            return None
        version = read_id(text)
        if version is None:
            raise ValidationError({"version": [_("La version est un nombre entier, celle que la lecture a donnée.")]})
        return version

    def initial(self, request: Any, *args: Any, **options: Any) -> None:
        """Refuse the token of a user who must have a second factor and has none yet."""
        super().initial(request, *args, **options)
        if lacks_device(request.user):
            failed = AuthenticationFailed(
                _("Ce compte doit avoir un second facteur : ajoutez-le d'abord au bureau, puis redemandez un jeton.")
            )
            failed.default_code = "otp_enrolment_required"
            raise failed
        refuse_parameters(request.query_params, self.known_parameters())

    def known_parameters(self) -> set[str]:
        """Return the parameters that the address takes: pages, order, words and filters of a list."""
        if self.action != "list":
            return set()
        filters = getattr(self, "filterset_class", None)
        return {
            "page",
            "page_size",
            *(["ordering"] if getattr(self, "ordering_fields", None) else []),
            *([UPDATED_AFTER] if is_stamped(self.queryset.model) else []),
            *(["search"] if getattr(self, "search_fields", None) else []),
            *(filters.base_filters if filters else getattr(self, "filterset_fields", ())),
        }

    def permissions_needed(self) -> list[str]:
        """Return the permissions to see the record and to do the act."""
        model = self.queryset.model
        if self.is_act or self.permission:
            return [permission_of(model, "list"), *([self.permission] if self.permission else [])]
        return sorted({permission_of(model, "list"), permission_of(model, self.action)})

    def get_queryset(self) -> Any:
        queryset = visible(super().get_queryset().all(), getattr(self.request, "user", None))
        if self.action == "retrieve":
            return self.serializer_class.rows(_dated(queryset), self.request)
        return queryset

    def get_serializer_context(self) -> dict[str, Any]:
        user = getattr(self.request, "user", None)
        return {**super().get_serializer_context(), "visible": lambda queryset: visible(queryset, user)}

    def finalize_response(self, request: Any, response: Any, *args: Any, **options: Any) -> Any:
        """Render refusals as JSON, whatever format was requested."""
        if getattr(response, "exception", False):
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **options)

    def shown(self, document: Any, serializer: Any = None, *, outcome: Outcome | None = None) -> Any:
        """Return a document as the API shows it, read again; another value unchanged. `outcome`: of the act that created it."""
        serializer = serializer or self.serializer_class
        context = {**self.get_serializer_context(), "outcome": outcome}
        if hasattr(serializer, "rows"):
            document = serializer.rows(_dated(type(document)._default_manager.all()), self.request).get(pk=document.pk)
        return serializer(document, context=context).data


def _dated(queryset: Any) -> Any:
    """Annotate the last change of what is read of each record."""
    return queryset.with_changed_at() if is_stamped(queryset.model) else queryset


class NotedSerializer(serializers.Serializer):
    """Adds `notes`: sentences on what else the act did or left out."""

    note = serializers.SerializerMethodField()

    def get_note(self, document: Any) -> str:
        outcome: Outcome = self.context["outcome"]
        return outcome.note


class ReadMixin:
    """GET of a list and of one record."""

    def list(self, request: Any) -> Response:
        """List a page. Reads the ids of the page first, then computes totals and counts for its rows alone."""
        ids = self.filter_queryset(self.get_queryset()).values_list("pk", flat=True)  # type: ignore[attr-defined]
        page = list(self.paginate_queryset(ids))  # type: ignore[attr-defined]
        model = self.queryset.model  # type: ignore[attr-defined]
        rows = self.serializer_class.rows(_dated(model._default_manager.all()), request).in_bulk(page)  # type: ignore[attr-defined]
        shown = [rows[pk] for pk in page if pk in rows]
        return self.get_paginated_response(self.get_serializer(shown, many=True).data)  # type: ignore[attr-defined]

    def retrieve(self, request: Any, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)  # type: ignore[attr-defined]


class WriteMixin:
    """POST creates a record and PATCH changes one. The serializer calls the service."""

    def create(self, request: Any) -> Response:
        return Response(self._written(request), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Any, pk: str) -> Response:
        """Change the given fields. The service compares the version under its lock; without a version, the last write wins."""
        return Response(self._written(request, self.get_object(), partial=True))  # type: ignore[attr-defined]

    def _written(self, request: Any, *document: Any, **options: Any) -> Any:
        serializer = self.get_serializer(*document, data=request.data, **options)  # type: ignore[attr-defined]
        checked(serializer, request.data)
        return perform(lambda: self.shown(serializer.save())).result  # type: ignore[attr-defined]


class DeleteMixin:
    """DELETE of a record. The service refuses when it may not be deleted."""

    def delete_document(self, document: Any, by: By) -> Any:
        raise TypeError(f"{type(self).__name__} does not say how it deletes.")

    @extend_schema(responses={204: None})
    def destroy(self, request: Any, pk: str) -> Response:
        checked(serializers.Serializer(data=request.data), request.data)
        self.delete_document(self.get_object(), request.user)  # type: ignore[attr-defined]
        return Response(status=status.HTTP_204_NO_CONTENT)


def act(
    permission: str, *, asks: Any = None, answers: Any = None, status: int = 200, path: str = ""
) -> Callable[[Callable[..., Any]], Any]:
    """Declare the act POST /resource/{id}/name/. `method(view, document, body)` calls one service and returns its result.

    `permission`: "app.codename"; "" for all who may see the document. `asks`: serializer of the body. `answers`:
    serializer of the result; None when the result is a document of the view.
    """

    def decorate(method: Callable[..., Any]) -> Any:
        @wraps(method)
        def run(view: Any, request: Any, pk: str) -> Response:
            document = view.get_object()
            body = checked_body(view, request)
            answer = perform(lambda: _shown(view, method(view, document, body), answers)).result
            return Response(answer, status=status)

        name = path or method.__name__.replace("_", "-")
        return action(
            detail=True,
            methods=["post"],
            url_path=name,
            url_name=name,
            permission=permission,
            asks=asks,
            answers=answers,
            status=status,
            is_act=True,
        )(run)

    return decorate


def _shown(view: Any, result: Any, answers: Any) -> Any:
    """Return the result of an act as the API shows it."""
    if isinstance(result, Outcome):
        return view.shown(result.made, answers, outcome=result)
    return view.shown(result, answers)


def checked_body(view: Any, request: Any) -> dict[str, Any]:
    """Return the validated body of an act; {} when it takes none. Raises ValidationError."""
    serializer = (view.asks or serializers.Serializer)(data=request.data, context=view.get_serializer_context())
    checked(serializer, request.data)
    return dict(serializer.validated_data) if view.asks else {}


# Bodies of acts


class DaySerializer(serializers.Serializer):
    """The day of the act, today by default."""

    on = DayField(required=False, default=timezone.localdate)


class UntilSerializer(serializers.Serializer):
    """The last day, included."""

    until = DayField()


class ReasonSerializer(serializers.Serializer):
    """The reason of the act."""

    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class ManySerializer(DaySerializer):
    """Several documents. `group_by_customer`: one invoice for each payer."""

    ids = serializers.ListField(child=id_field(), allow_empty=False, max_length=1000)
    group_by_customer = serializers.BooleanField(required=False, default=False)


class BatchReportLineSerializer(serializers.Serializer):
    """The result for one document: its invoice, or why there is none."""

    id = serializers.IntegerField()
    invoice = serializers.IntegerField(allow_null=True)
    refusal = serializers.CharField(allow_blank=True)
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
            "documents": [],
            "step": None,
            "note": "",
        }
    made = outcome.made.pk if outcome.made is not None else None
    return {
        "id": pk,
        "invoice": made,
        "refusal": outcome.refusal,
        "documents": documents_of(outcome.error, request),
        "step": step_of(outcome.error, request),
        "note": str(outcome.note),
    }
