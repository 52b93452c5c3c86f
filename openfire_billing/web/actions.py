"""Acts on a document: entries of the Action menu and state buttons, each with a dialog (GET asks, POST does).

The same act may be offered on many documents from the list; a report then shows the outcome of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.asked import mark_asked
from openfire_billing.web.choices import narrow_choices
from openfire_billing.web.chosen import amounts_of
from openfire_billing.web.contributions import contributions_to
from openfire_billing.web.days import limit_days
from openfire_billing.web.fetched import go_to
from openfire_billing.web.place import list_left, with_place
from openfire_billing.web.record_links import kind_of, link_to, page_of, reverse_change
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.undo import Undo, UndoMixin, undo_tag, values_before

PREFIX = "act"  # of the fields of dialogs: they travel with the form of the page
FORM_ALONG = "_form"  # what a page sends is its whole form
OPEN = "_open"  # the button of a dialog that then opens what was made
Run = Callable[[HttpRequest, Any, dict[str, Any]], Any]
RunMany = Callable[[HttpRequest, Sequence[Any], dict[str, Any]], list[Outcome]]


@dataclass(frozen=True)
class DocumentAction:
    """One act. `permission`: "app.codename" the user must have. `run` calls one service and returns what it made.

    `states`: where it is offered (None = everywhere); `offered`: a further condition on the document. `check`: returns
    why the act would be refused on the document as its form now is; the dialog then says so and does not offer the act.
    `primary_in`: states in which it is a button of the status bar; `primary_when`: another condition for it;
    `button`: its label there, or a function of the document; `button_rank`: the lowest comes first. `is_direct`: harmless, so the button acts at once.
    `section`: a part of the menu, parted from the others by a rule, in which acts stand by `order`, destructive ones
    last; in section 0 by `order` alone.
    `undo`: how it is undone, from the message that says that it is done. `opens`: it makes a document, which may be opened
    at once by a second button of the dialog. `page`: returns the address of its own dialog, in place of `run`.
    `is_of_whole`: about all that the document amounts to, which the dialog of many then shows, not about a part of it.
    `run_many`: the same on many documents. `form_many`: its question there, `form` when it is None; `explain_many`: its
    sentence there; `preview_many`: returns (template, context) of what it would do.
    """

    name: str
    label: Any
    permission: str
    run: Run | None = None
    icon: str = "bolt"
    explain: Any = ""
    form: type[forms.Form] | None = None
    states: frozenset[str] | None = None
    offered: Callable[[Any], bool] | None = None
    check: Callable[[Any], BusinessError | None] | None = None
    primary_in: frozenset[str] = frozenset()
    primary_when: Callable[[Any], bool] | None = None
    button: Any = ""
    button_rank: int = 50
    is_direct: bool = False
    is_of_whole: bool = True
    is_danger: bool = False
    done: Any = ""
    confirm: Any = ""
    run_many: RunMany | None = None
    form_many: type[forms.Form] | None = None
    preview_many: Callable[[HttpRequest, Sequence[Any], dict[str, Any]], tuple[str, dict[str, Any]]] | None = None
    explain_many: Any = ""
    preview: Callable[[HttpRequest, Any, dict[str, Any]], tuple[str, dict[str, Any]]] | None = None
    leave: bool = False
    undo: Undo | None = None
    section: int = 1
    order: int = 50
    opens: bool = False
    page: Callable[[Any], str] | None = None

    def is_allowed(self, user: Any) -> bool:
        return bool(user.has_perm(self.permission))

    def is_offered(self, document: Any) -> bool:
        if self.states is not None and document.state not in self.states:
            return False
        return self.offered is None or self.offered(document)

    def is_primary(self, document: Any) -> bool:
        """Return whether the act is a button of the status bar, beside being in the Action menu."""
        if self.primary_when is not None and self.primary_when(document):
            return True
        return getattr(document, "state", None) in self.primary_in


class PageShown(Exception):
    """Raised to answer a page, and to roll back what was saved to show it."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.response = response


def _is_confirmed(request: HttpRequest) -> bool:
    return "_confirmed" in request.POST and "_preview" not in request.POST


def typed_values(request: HttpRequest) -> list[tuple[str, str]]:
    """Return (name, value) of what the form of the page sent along with a dialog."""
    own = ("csrfmiddlewaretoken", "_confirmed", "_preview", "_once", OPEN)
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in own and not name.startswith((f"{PREFIX}-", "_save"))
        for value in values
    ]


def _answered(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the response; to a script, the address of a redirect, which the browser then opens itself."""
    return go_to(request, response.url) if isinstance(response, HttpResponseRedirect) else response


def _place_in_menu(action: DocumentAction) -> tuple[int, bool, int]:
    return action.section, action.is_danger and action.section > 0, action.order


def already_done(document: Any) -> Any:
    """Return the sentence of an act that was sent twice."""
    return format_html("{} : {}", document, _("c'était déjà fait, rien de plus."))


class ActionsMixin(UndoMixin):
    """Gives a ModelAdmin its document actions: pages, menu, list actions. `document_actions` + contributions."""

    document_actions: Sequence[DocumentAction] = ()

    def all_actions(self) -> list[DocumentAction]:
        return [*self.document_actions, *contributions_to(self.model).actions]  # type: ignore[attr-defined]

    def actions_for(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        """Return the acts of a document's page that this user may do in its state, in the order of the menu.

        `is_parted`: a rule stands before the act.
        """
        offered = [
            action
            for action in sorted(self.all_actions(), key=_place_in_menu)
            if (action.run or action.page) and action.is_allowed(request.user) and action.is_offered(document)
        ]
        above = [action.section for action in offered[:1]] + [action.section for action in offered]
        return [
            {
                "name": action.name,
                "label": action.label,
                "button": (action.button(document) if callable(action.button) else action.button) or action.label,
                "rank": action.button_rank,
                "is_direct": action.is_direct,
                "icon": action.icon,
                "url": action.page(document) if action.page else with_place(request, self.action_url(document, action)),
                "needs_saved": action.page is not None,
                "is_primary": action.is_primary(document),
                "is_danger": action.is_danger,
                "is_parted": action.section != section,
            }
            for action, section in zip(offered, above, strict=False)
        ]

    def action_url(self, document: Any, action: DocumentAction) -> str:
        meta = self.model._meta  # type: ignore[attr-defined]
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[document.pk, action.name])

    def get_urls(self) -> list[Any]:
        meta = self.model._meta  # type: ignore[attr-defined]
        view = self.admin_site.admin_view(self.act_view)  # type: ignore[attr-defined]
        return [
            path("<path:object_id>/act/<slug:name>/", view, name=f"{meta.app_label}_{meta.model_name}_act"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Show the dialog of an act, then do the act.

        The page sends its form along: the form is saved first, in the same transaction. While the dialog is only shown,
        that transaction is rolled back, so that its amounts are those the act will use. Faults of the form come back as
        the form. A refusal of the act is shown in the dialog, and nothing is saved.
        """
        action = next((a for a in self.all_actions() if a.name == name and a.run), None)
        document = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if action is None or document is None:
            raise Http404
        if not action.is_allowed(request.user) or not self.has_view_permission(request, document):  # type: ignore[attr-defined]
            raise PermissionDenied
        if FORM_ALONG not in request.POST:
            return _answered(request, self._act_step(action, request, document))

        def on_saved() -> HttpResponse:
            response = self._act_step(action, request, self.get_object(request, object_id), is_saved=True)  # type: ignore[attr-defined]
            if isinstance(response, TemplateResponse):
                raise PageShown(response.render())
            return response

        once = self.once(request, "act") if _is_confirmed(request) else None  # type: ignore[attr-defined]
        url = reverse_change(document)
        extra = {"office_page_url": url}
        return _answered(request, self.save_page(request, object_id, url, extra, once=once, act=on_saved))  # type: ignore[attr-defined]

    def _act_step(
        self, action: DocumentAction, request: HttpRequest, document: Any, *, is_saved: bool = False
    ) -> HttpResponse:
        """Do the act that the dialog confirms, or answer the dialog.

        `is_saved`: the form of the page was saved just before, in the open transaction.
        """
        refusal, is_vain = None, False
        form = self._question(action.form, request, [document])
        if _is_confirmed(request) and form.is_valid():
            seen = getattr(document, "version", None) if is_saved else read_id(request.POST.get("_version"))
            once = None if is_saved else self.once(request, "act")  # type: ignore[attr-defined]
            try:
                return self._perform(action, request, document, {**form.cleaned_data, "seen": seen}, once)
            except BusinessError as error:
                refusal = shown_refusal(error, request, document)
        elif not action.is_offered(document):
            values = {"document": document, "act": action.label}
            messages.error(
                request,
                _(
                    "%(document)s : « %(act)s » n'est pas possible dans son état actuel. "
                    "Le menu Action dit ce qui l'est."
                )
                % values,
            )
            return HttpResponseRedirect(reverse_change(document))
        elif action.check is not None and (fault := action.check(document)) is not None:
            refusal, is_vain = shown_refusal(fault, request, document), True
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.model._meta,  # type: ignore[attr-defined]
            "title": action.label,
            "is_vain": is_vain,
            "document": document,
            "kind": kind_of(document),
            "amount": self.amount_of(document),
            "act": action,
            "has_preview": action.preview is not None,
            "form": form,
            "refusal": refusal,
            "once": uuid4(),  # a second press of the button, or « back » and again, does nothing more
            "version": getattr(document, "version", ""),
            "typed": typed_values(request) if is_saved else None,
            "explain": action.explain(document) if callable(action.explain) else action.explain,
            "back": reverse_change(document),
        }
        if action.preview and not refusal:
            self._add_preview(action, request, document, form, context)
        return TemplateResponse(request, "office/act.html", context, status=409 if refusal and not is_vain else 200)

    def amount_of(self, document: Any) -> str:
        """Return the amount that the dialogs of a document show; "" for none."""
        return ""

    def gross_of(self, document: Any) -> Decimal | None:
        """Return the amount including tax of a document, negative for a credit note; None for a record without one."""
        return None

    def _perform(
        self, action: DocumentAction, request: HttpRequest, document: Any, answers: dict[str, Any], once: Any
    ) -> HttpResponse:
        """Do the act, once for each dialog shown. Raise BusinessError; the dialog may then be sent again."""
        before = values_before(action.undo, document)
        tag, made = "", None

        def act() -> Any:
            nonlocal tag, made
            if not action.is_offered(document):
                raise BusinessError(
                    _("%(document)s a changé : « %(act)s » n'est plus possible dans son état actuel.")
                    % {"document": document, "act": action.label}
                )
            assert action.run is not None
            made = action.run(request, document, answers)
            if before is not None:
                tag = undo_tag(request, made, action.name, before)
            return self._done(action, document, made)

        def page_of_made(_said: Any = None) -> str:
            return page_of(made.made if isinstance(made, Outcome) else made)

        done = self.perform(request, act, once=once, answer=page_of_made)  # type: ignore[attr-defined]
        if done.is_repeat:
            messages.info(request, already_done(document))
        else:
            messages.success(request, done.result, extra_tags=tag)
        page = ""
        if OPEN in request.POST:
            page = str(done.answer or "") if done.is_repeat else page_of_made()
        is_page = page.startswith("/")  # a key that an older version kept has a sentence
        return HttpResponseRedirect(page if is_page else self._after(action, request, document))

    @staticmethod
    def _add_preview(
        action: DocumentAction, request: HttpRequest, document: Any, form: forms.Form, context: dict[str, Any]
    ) -> None:
        assert action.preview is not None
        if form.is_bound and not form.is_valid():
            return  # what was typed is to be put right first: the amounts of something else would mislead
        data = {**form.cleaned_data, "seen": None} if form.is_bound else {}
        try:
            context["preview_template"], preview = action.preview(request, document, data)
            context.update(preview)
        except BusinessError as error:
            context["refusal"] = shown_refusal(error, request, document)

    @staticmethod
    def _question(kind: type[forms.Form] | None, request: HttpRequest, documents: Sequence[Any]) -> forms.Form:
        is_answered = "_confirmed" in request.POST
        data, files = (request.POST, request.FILES) if is_answered else (None, None)
        form = (kind or forms.Form)(data, files, prefix=PREFIX)
        if hasattr(form, "prepare"):
            form.prepare(request, documents)
        narrow_choices(form, request.user)
        mark_asked(form)
        limit_days(form.fields.values())
        return form

    def _done(self, action: DocumentAction, document: Any, made: Any) -> Any:
        note: Any = ""
        if isinstance(made, Outcome):
            also = [format_html("· {}", link_to(one)) for one in made.also]
            note = format_html_join(" ", "{}", ((text,) for text in (*also, *made.notes)))
        if isinstance(made, Outcome):
            made = made.made
        if made is not None and hasattr(made, "_meta") and made != document:
            return format_html("{} : {} {}", action.done or action.label, link_to(made), note)
        if str(document) in str(note):  # it names the document already
            return note
        return format_html(
            "{} : {}", made if made == document else document, note or action.done or action.label
        )  # as it is named now

    def _after(self, action: DocumentAction, request: HttpRequest, document: Any) -> str:
        meta = self.model._meta  # type: ignore[attr-defined]
        if action.leave:
            return list_left(request, reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))
        return with_place(request, reverse_change(document))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the acts that work on many documents, for users who may do them."""
        found = super().get_actions(request)  # type: ignore[misc]
        for action in self.all_actions():
            if action.run_many and action.is_allowed(request.user):
                found[f"act_{action.name}"] = (_on_many(action), f"act_{action.name}", action.label)
        return found

    def run_on_many(self, request: HttpRequest, action: DocumentAction, queryset: Any) -> HttpResponse:
        """Ask for confirmation, then do the act and report the outcome of each document."""
        if not action.is_allowed(request.user):
            raise PermissionDenied
        if "_confirmed" in request.POST:  # what the act did may have left the view of the list that was chosen from
            queryset = self.get_queryset(request).filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME))  # type: ignore[attr-defined]
        documents = list(queryset)
        form = self._question(action.form_many or action.form, request, documents)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.model._meta,  # type: ignore[attr-defined]
            "title": action.label,
            "act": action,
            "has_preview": action.preview is not None and action.preview_many is not None,
            "form": form,
            "documents": documents,
            **amounts_of(self, documents, with_amounts=action.is_of_whole),
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "explain": _explain_each(action, len(documents)),
            "once": request.POST.get("_once") or uuid4(),  # a second press does what the first left, and no more
        }
        if not _is_confirmed(request) or not form.is_valid():
            if action.preview_many is not None and (not form.is_bound or form.is_valid()):
                data = form.cleaned_data if form.is_bound else {}
                context["preview_template"], preview = action.preview_many(request, documents, data)
                context |= preview
            return TemplateResponse(request, "office/act_many.html", context)
        assert action.run_many is not None
        try:
            once = self.once(request, "act")  # type: ignore[attr-defined]
            outcomes = action.run_many(request, documents, {**form.cleaned_data, "seen": None, "once": once})
        except BusinessError as refusal:
            context["refusal"] = shown_refusal(refusal, request)
            return TemplateResponse(request, "office/act_many.html", context, status=409)
        context["outcomes"] = outcomes
        refused = sum(outcome.is_refused for outcome in outcomes)
        done = len(outcomes) - refused
        counts = (
            ngettext("%d document traité", "%d documents traités", done) % done if done else "",
            ngettext("%d refus", "%d refus", refused) % refused if refused else "",
        )
        context["summary"] = ", ".join(filter(None, counts)) or _("rien à faire")
        return TemplateResponse(request, "office/report.html", context)


def _explain_each(action: DocumentAction, count: int) -> Any:
    """Return the sentence of an act on several documents; one that is only done on many has its own."""
    if action.explain_many:
        return action.explain_many
    text = "" if callable(action.explain) else str(action.explain)
    if not text or count == 1 or action.run is None:
        return text
    return _("Pour chaque document : %s") % (text[0].lower() + text[1:])


def _on_many(action: DocumentAction) -> Callable[[Any, HttpRequest, Any], HttpResponse]:
    def act(model_admin: Any, request: HttpRequest, queryset: Any) -> HttpResponse:
        return model_admin.run_on_many(request, action, queryset)

    act.__name__ = f"act_{action.name}"
    act.allowed_permissions = [action.permission]  # type: ignore[attr-defined]
    return act
