from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from invoicing.services.access.guesses import unlock


class Command(BaseCommand):
    help = "Oublie les mots de passe faux d'un compte, ou de tous : la connexion est permise à nouveau aussitôt."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username", nargs="?", help="nom d'utilisateur ; sans lui, tous les comptes")

    def handle(self, *args: Any, username: str | None, **options: Any) -> None:
        if username is not None and not User.objects.filter(username=username).exists():
            raise CommandError(f"Aucun compte « {username} » : vérifiez le nom, rien n'est changé.", returncode=2)
        self.stdout.write(f"{unlock(username or '')} essai(s) oublié(s).")
