"""The page of imports: choose a file, see what it would do and every fault, then write it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from invoicing.models import Company
from invoicing.services.parties.companies import default_company
from invoicing.services.records.acts import Once, perform
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.file_names import clean_name
from openfire_billing.office.importing import KINDS, Preview, answer_import, apply_import, prepare_import
from openfire_billing.office.importing.bounds import BOUNDS
from openfire_billing.office.importing.kept import forget_file, has_left, keep_file, keep_left, read_kept, read_left
from openfire_billing.office.importing.kinds import Kind
from openfire_billing.office.importing.samples import left_of, sample_of
from openfire_billing.web.users import user_of

SHOWN = 300  # lines of each table of a preview
_signer = signing.TimestampSigner(salt="import")


class FileForm(forms.Form):
    file = forms.FileField(label=_("Fichier CSV ou XLSX"))


def _kind(request: HttpRequest, slug: str) -> Kind:
    kind = next((kind for kind in KINDS.values() if kind.slug == slug), None)
    if kind is None:
        raise Http404
    if not request.user.has_perm(kind.permission):
        raise PermissionDenied
    return kind


def _keep(request: HttpRequest, name: str, content: bytes, *, left: bytes) -> str:
    """Keep an uploaded file until it is confirmed. Returns a signed token that only this user can give back."""
    user_id = user_of(request).pk
    return _signer.sign(f"{user_id}/{keep_file(user_id, name, content, left=left)}")


def _kept(request: HttpRequest, token: str) -> str:
    """Return the name under which a file is kept. Raises BusinessError for a token that is over or another user's."""
    try:
        user, _slash, name = _signer.unsign(token, max_age=3600).partition("/")
    except signing.BadSignature:
        raise BusinessError(_("Cet aperçu a expiré : choisissez de nouveau le fichier.")) from None
    if user != str(request.user.pk):
        raise BusinessError(_("Cet aperçu a expiré : choisissez de nouveau le fichier."))
    return name


def import_page(request: HttpRequest, slug: str = "customers") -> HttpResponse:
    """GET: the form. POST with a file: the preview. POST with its token and answers: the preview of these answers. POST
    with the token of a preview without questions, or with the mark of its answers (`shown`): the import.

    GET with the token of an import that left lines (`left`): the form, and where these lines are.
    """
    kind = _kind(request, slug)
    company = default_company(request.user)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Importer : %s") % kind.label,
        "kind": kind,
        "kinds": [k for k in KINDS.values() if request.user.has_perm(k.permission)],
        "form": FileForm(),
    }
    if request.method == "GET" and (left := request.GET.get("left")):
        context["left"] = left
    if request.method == "POST":
        try:
            if company is None:
                raise BusinessError(_("Créez d'abord votre société (Réglages › Sociétés)."))
            if token := request.POST.get("token"):
                return _write(request, kind, company, token, context)
            context.update(_preview(request, kind, company))
        except BusinessError as refusal:
            context["refusal"] = str(refusal)
            return render(request, "office/import.html", context, status=409)
    return render(request, "office/import.html", context)


def _preview(request: HttpRequest, kind: Kind, company: Company) -> dict[str, Any]:
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return {"form": form}
    upload = form.cleaned_data["file"]
    if upload.size > BOUNDS.bytes:
        BOUNDS.refuse("bytes")
    content = upload.read()
    preview = prepare_import(kind, name=upload.name, content=content, company=company, by=user_of(request))
    left = b"" if preview.is_clean else left_of(preview)
    token = _keep(request, upload.name, content, left=left) if preview.good else ""
    return {**_shown(preview), "token": token, "file_name": clean_name(upload.name)}


def _shown(preview: Preview) -> dict[str, Any]:
    """Return a preview and the first of its faults, notes, changes and questions, with their answers."""
    names = ("faults", "notes", "changes", "questions")
    first = {name: getattr(preview, name)[:SHOWN] for name in names}
    answered = [(question, preview.answers.get(question.key, "")) for question in first["questions"]]
    return {"preview": preview, **first, "answered": answered}


def _answers(request: HttpRequest, preview: Preview) -> dict[str, str]:
    """Return {key of a question: answer}. « rest » answers those that have none of their own."""
    rest, start = request.POST.get("rest", ""), "answer-"
    given = {name.removeprefix(start): answer for name, answer in request.POST.items() if name.startswith(start)}
    keys = {question.key for question in preview.questions} | given.keys()
    return {key: str(given.get(key) or rest) for key in keys}


def _mark(answers: Mapping[str, str]) -> str:
    """Return what tells the answers that a preview showed from others."""
    return hashlib.sha256(json.dumps(sorted(answers.items())).encode()).hexdigest()


def _prepared(request: HttpRequest, kind: Kind, company: Company, name: str) -> Preview | None:
    """Return a kept file as it would be imported with the answers of the request; None when it is gone."""
    try:
        content = read_kept(name)
    except FileNotFoundError:
        return None
    by = user_of(request)
    preview = prepare_import(kind, name=name, content=content, company=company, by=by)
    if preview.questions:
        answer_import(preview, _answers(request, preview), company=company, by=by)
    return preview


def _write(request: HttpRequest, kind: Kind, company: Company, token: str, context: dict[str, Any]) -> HttpResponse:
    """Import a kept file. What an answer changes is shown first; a refusal shows the preview with its answers again."""
    name, by = _kept(request, token), user_of(request)
    preview = _prepared(request, kind, company, name)

    def shown_again(refusal: str) -> HttpResponse:
        assert preview is not None
        if preview.questions:
            answer_import(preview, preview.answers, company=company, by=by)
            context["shown"] = "" if preview.open_questions else _mark(preview.answers)
        keep_left(name, left_of(preview) if preview.left else b"")
        file_name = clean_name(request.POST.get("file_name", ""))
        context.update(
            {**_shown(preview), "token": token, "file_name": file_name, "refusal": refusal},
            rest=request.POST.get("rest", ""),
        )
        return render(request, "office/import.html", context, status=409 if refusal else 200)

    if preview and preview.questions and request.POST.get("shown") != _mark(preview.answers):
        return shown_again(preview.open_text if preview.open_questions else "")

    def act() -> str:
        if preview is None:
            raise BusinessError(_("Cet aperçu a expiré : choisissez de nouveau le fichier."))
        apply_import(preview, company=company, by=by, only_good="good" in request.POST)
        keep_left(name, left_of(preview) if preview.left else b"")
        return _done_text(preview)

    once = Once(f"user:{request.user.pk}", f"import:{name}")
    try:
        done = perform(act, once=once, answer=lambda text: (0, text))
    except BusinessError as refusal:
        if preview is None:
            raise
        return shown_again(str(refusal))
    forget_file(name)
    messages.success(request, done.result if done.result is not None else done.answer)
    address = reverse("import_page", args=[kind.slug])
    return HttpResponseRedirect(f"{address}?{urlencode({'left': token})}" if has_left(name) else address)


def _done_text(preview: Preview) -> str:
    """Return the sentence on what an import did, and on the lines that it left."""
    counts = {"new": preview.new, "changed": preview.changed, "same": preview.same, "left": len(preview.left)}
    text = _("Importé : %(new)s nouveau(x), %(changed)s modifié(s), %(same)s inchangé(s).") % counts
    return f"{text} {_('%(left)s ligne(s) laissée(s).') % counts}" if preview.left else str(text)


def import_sample(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer the sample file of a kind."""
    kind = _kind(request, slug)
    return _file(
        sample_of(kind), f"{kind.code}-modele.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )


def import_left(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer the lines that a preview or its import leaves, with their reasons."""
    kind = _kind(request, slug)
    try:
        content = read_left(_kept(request, request.GET.get("token", "")))
    except (BusinessError, OSError) as gone:
        raise Http404 from gone
    return _file(content, f"{kind.code}-a-corriger.csv", "text/csv; charset=utf-8")


def _file(content: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
