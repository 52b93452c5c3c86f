"""The description of the API: request and answer of each act, the refusals of every address, the key of a write."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from openfire_billing.web.api.errors import RefusalSerializer

KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Une clé au choix (100 caractères au plus) : la même clé donne la même réponse, sans rien refaire.",
)
VERSION = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="La « version » lue du document : s'il a changé depuis, 409 « stale ». Sans elle, la dernière écriture l'emporte.",
)
REFUSALS = {
    "400": "Demande incomplète ou illisible.",
    "401": "Sans jeton, ou jeton périmé.",
    "403": "Le rôle ne le permet pas.",
    "404": "N'existe pas, ou n'est pas d'une de vos sociétés.",
    "405": "Méthode que cette adresse n'a pas.",
    "406": "La réponse n'existe pas dans le format demandé (Accept).",
    "409": "Une règle refuse ; rien n'a changé.",
    "415": "Le corps n'est pas du JSON.",
    "429": "Trop de demandes : réessayez plus tard.",
    "503": "La base est occupée ou ne répond pas : réessayez (Retry-After).",
}
UNSAFE = ("POST", "PATCH", "DELETE")


VERBS = {
    "list": "Liste",
    "retrieve": "Lire",
    "create": "Créer",
    "partial_update": "Changer",
    "destroy": "Supprimer",
}


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").split()).partition(". ")[0].removesuffix(".")


class Schema(AutoSchema):
    """Reads `asks`, `answers` and `status` of an act; adds the refusals and the idempotency key."""

    def _is_act(self) -> bool:
        return bool(getattr(self.view, "is_act", False))

    def get_override_parameters(self) -> list[Any]:
        keyed = self.method in UNSAFE and getattr(self.view, "is_keyed", False)
        return [*super().get_override_parameters(), *([KEY, VERSION] if keyed else [])]

    def get_request_serializer(self) -> Any:
        return self.view.asks if self._is_act() else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        if self._is_act():
            return {self.view.status: self.view.answers or self.view.serializer_class}
        return super().get_response_serializers()

    def get_operation_id(self) -> str:
        if self._is_act():
            many = "act" if "{" in self.path else "many"
            return "_".join([*(token.replace("-", "_") for token in self._tokenize_path()), many])
        return super().get_operation_id()

    def get_summary(self) -> str | None:
        """Return what an address does, in a line: of an act, its first sentence; else the verb and what is listed."""
        action = getattr(self.view, "action", None)
        of_view = _first_sentence(type(self.view).__doc__)
        if action in VERBS:
            return f"{VERBS[action]} : {of_view[:1].lower()}{of_view[1:]}"
        method = getattr(self.view, action or "", None) or getattr(self.view, self.method.lower(), None)
        return _first_sentence(getattr(method, "__doc__", None)) or of_view

    def get_filter_backends(self) -> list[Any]:
        return [] if self._is_act() else super().get_filter_backends()

    def _is_list_view(self, serializer: Any = None) -> bool:
        return not self._is_act() and super()._is_list_view(serializer)

    def get_operation(self, *args: Any, **options: Any) -> Any:
        operation = super().get_operation(*args, **options)
        if operation is None:
            return None
        component = self.resolve_serializer(RefusalSerializer, "response")
        for status, description in REFUSALS.items():
            if status == "415" and self.method not in UNSAFE:
                continue
            content = {"application/json": {"schema": component.ref}}
            operation["responses"].setdefault(status, {"description": description, "content": content})
        return operation
