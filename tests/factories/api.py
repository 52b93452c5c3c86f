"""The API as a program speaks to it: JSON in, JSON out, a token in the header."""

from typing import Any

from knox.models import AuthToken
from rest_framework.test import APIClient

ROOT = "/api/v1/"


class Api:
    """A program of one user (None: without a token)."""

    def __init__(self, user: Any = None) -> None:
        self.user = user
        self.client = APIClient(raise_request_exception=True)
        if user is not None:
            _row, token = AuthToken.objects.create(user)
            self.client.credentials(HTTP_AUTHORIZATION=f"Token {token}")

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(ROOT + path, query)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        return self.write("post", path, body, key)

    def patch(self, path: str, body: Any, *, key: str = "") -> Any:
        return self.write("patch", path, body, key)

    def delete(self, path: str, *, key: str = "") -> Any:
        return self.write("delete", path, None, key)

    def write(self, method: str, path: str, body: Any, key: str = "") -> Any:
        more = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
        return getattr(self.client, method)(ROOT + path, body if body is not None else {}, format="json", **more)

    def made(self, path: str, body: Any = None, *, status: int = 201) -> Any:
        """POST that must succeed; what was made."""
        answer = self.post(path, body)
        assert answer.status_code == status, (answer.status_code, answer.data)
        return answer.json()


def refused(answer: Any, status: int = 409) -> str:
    """The sentence of a refusal."""
    assert answer.status_code == status, (answer.status_code, getattr(answer, "data", None))
    said = answer.json()
    assert set(said) == {"code", "detail", "fields", "documents", "step"}
    return str(said["detail"])
