"""How the page of a record is saved: in one transaction, once for its key, with the act chosen in a dialog over the form; its journal.

A refusal is shown on the form, with the typed values.
"""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from invoicing.admin.form_changes import header_changes
from invoicing.services.records.acts import Once, Performed, perform, reading_only
from invoicing.services.records.history import record
from invoicing.services.records.saving import lock_for_form
from openfire_billing.db.narrowing import answers_kept
from openfire_billing.db.versions import Versioned, raise_parent, raise_version
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.actions import OPEN, PageShown, already_done
from openfire_billing.web.place import with_place
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.users import user_of

_NEXT = "_next"  # the button that saves a new record and goes on to its next page
NO_ANSWERS = frozenset(
    ["csrfmiddlewaretoken", "_act", "_addanother", "_continue", "_save", _NEXT, OPEN]
)  # a token, and buttons


class SavingMixin:
    """Saves the form of a ModelAdmin, and does acts, each once for its key."""

    is_saved_by_service = False
    next_label: Any = ""  # of a second button that saves a new record and opens `next_page`; "" for none

    def once(self, request: HttpRequest, act: str) -> Once | None:
        """Return the key of an act from the key of the page and the answers of the form; None without a key.

        Other answers make another act; another button on the same answers does not.
        """
        key = request.POST.get("_once", "")[:36]
        answers = sorted((name, values) for name, values in request.POST.lists() if name not in NO_ANSWERS)
        fingerprint = sha256(repr(answers).encode()).hexdigest()[:32]
        return Once(f"user:{request.user.pk}", f"{act}:{key}:{fingerprint}") if key else None

    def perform(
        self,
        request: HttpRequest,
        act: Callable[[], Any],
        *,
        once: Once | None = None,
        answer: Callable[[Any], str] = str,
    ) -> Performed[Any]:
        """Run `act` in one transaction. With `once`, run it only once, and store answer(result) with that key.

        A repeated call with the same key returns the stored answer (`is_repeat`) and does not run `act`. After a conflict with
        another transaction, restore the request and run `act` again. Raises what `act` raises; Unavailable, a BusinessError,
        when the database is busy or unreachable.
        """
        return perform(act, once=once, answer=lambda made: (0, answer(made)), restore=rewinder(request))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show the form, or save it in one transaction. A refusal is shown on the form, with the typed values.

        A form of a new record saves once: sent again, it redirects to the same page.
        """
        is_new = request.method == "POST" and object_id is None and IS_POPUP_VAR not in request.POST
        once = self.once(request, "add") if is_new else None
        return self.save_page(request, object_id, form_url, extra_context, once=once)

    def save_page(
        self,
        request: HttpRequest,
        object_id: str | None,
        form_url: str = "",
        extra_context: Any = None,
        *,
        once: Once | None = None,
        act: Callable[[], HttpResponse] | None = None,
    ) -> Any:
        """Save the posted form, then call `act` in the same transaction. Return its answer, or the form's without `act`.

        `once`: the key of both. Everything is rolled back when the form has faults, which is then the answer, or when
        `act` raises; a PageShown that it raises is the answer.
        """
        context = {**(extra_context or {}), "office_once": request.POST.get("_once") or uuid4()}
        change_form = partial(super().changeform_view, request, object_id, form_url, context)
        if request.method != "POST":
            with answers_kept():
                return change_form()
        try:
            return self._save_then_act(request, object_id, change_form, once, act)
        except PageShown as page:
            return page.response
        except (BusinessError, ValidationError, PermissionDenied) as refusal:
            if closed := self._closed(request, object_id):
                return closed
            if isinstance(refusal, PermissionDenied):
                raise
            request.office_refusal = refusal  # type: ignore[attr-defined]
        with reading_only():
            return change_form()

    def _save_then_act(
        self,
        request: HttpRequest,
        object_id: str | None,
        change_form: Callable[[], Any],
        once: Once | None,
        act: Callable[[], HttpResponse] | None,
    ) -> Any:
        """Save the form by `change_form`, call `act`, and return the answer. Raises PageShown for a form with faults."""
        rewind = rewinder(request)

        def save() -> Any:
            if object_id and not self.is_saved_by_service:
                document = self.get_object(request, object_id)
                if document is not None:
                    lock_for_form(document, seen=seen_by(request))
            response = change_form()
            is_faulty = "adminform" in (getattr(response, "context_data", None) or {})
            if is_faulty and (once is not None or act is not None):
                raise PageShown(response)
            if act is None:
                return response
            rewind()  # the message of the form: the act has its own
            return act()

        done = perform(save, once=once, answer=lambda response: (0, response.url), restore=rewind)
        if not done.is_repeat:
            return done.result
        if act is not None:
            messages.info(request, already_done(self.get_object(request, str(object_id))))
        return HttpResponseRedirect(str(done.answer))

    def _closed(self, request: HttpRequest, object_id: str | None) -> HttpResponseRedirect | None:
        """Redirect to the page of a document whose new state has no form; None when it has one."""
        document = self.get_object(request, object_id) if object_id else None
        if document is None or not self.has_change_permission(request) or self.has_change_permission(request, document):
            return None
        text = _("%s a changé entre-temps et ne se modifie plus : rien de votre saisie n'est enregistré.") % document
        messages.error(request, text)
        return HttpResponseRedirect(reverse_change(document))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        if {IS_POPUP_VAR, "_addanother"} & set(request.POST):
            return super().response_add(request, obj, post_url_continue)
        if _NEXT in request.POST and self.next_label:
            messages.success(request, _("%s : enregistré.") % obj)
            return HttpResponseRedirect(self.next_page(obj))
        return self._saved(request, obj)

    def next_page(self, obj: Any) -> str:
        """Return the address of the page where the work goes on after a new record is saved by its second button."""
        return reverse_change(obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if IS_POPUP_VAR in request.POST:
            return super().response_change(request, obj)
        return self._saved(request, obj)

    @staticmethod
    def _saved(request: HttpRequest, obj: Any) -> HttpResponse:
        """Say that the record is saved, and stay on its page."""
        messages.success(request, _("%s : enregistré.") % obj)
        return HttpResponseRedirect(with_place(request, reverse_change(obj)))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the record, which was read under its lock. One whose form changes nothing is not written."""
        if change and not form.changed_data:
            return
        if change and isinstance(obj, Versioned):
            obj.version += 1
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the rows. Rows with a version raise it."""
        formset.save(commit=False)
        for row, _fields in formset.changed_objects:
            if isinstance(row, Versioned):
                row.version += 1
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.write_journal(request, form, change)
        if isinstance(form.instance, Versioned):
            if change and not form.changed_data and any(formset.has_changed() for formset in formsets):
                raise_version(form.instance)
            if form.changed_data:
                raise_parent(form.instance)

    def write_journal(self, request: HttpRequest, form: Any, change: bool) -> None:
        """Write a journal line for the changes of the record itself."""
        changes = header_changes(form)
        if not change:
            record(form.instance, "created", by=user_of(request), text=_("Fiche créée"))
        elif changes:
            record(form.instance, "changed", by=user_of(request), text=_("Fiche modifiée"), changes=changes)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Do nothing: the product has its own journal."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Do nothing: the product has its own journal."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Do nothing: the product has its own journal."""


def seen_by(request: HttpRequest) -> int | None:
    """Return the version of the record that the page showed; None without one."""
    return read_id(request.POST.get("_version"))


def rewinder(request: HttpRequest) -> Callable[[], None]:
    """Return a function that restores a request before an act is repeated: files rewound, new messages and caches dropped."""
    storage: Any = get_messages(request)
    queued = len(getattr(storage, "_queued_messages", ()))

    def rewind() -> None:
        for files in request.FILES.lists():
            for file in files[1]:
                file.seek(0)
        del storage._queued_messages[queued:]
        for name in ("office_objects", "office_counts", "office_taxes", "office_kept"):
            request.__dict__.pop(name, None)

    return rewind
