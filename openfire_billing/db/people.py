"""Who does an act: a user, or nobody when the clock does."""

from typing import TypeAlias

from django.contrib.auth.models import User

By: TypeAlias = User | None
