from typing import Any

from django.core.management.base import BaseCommand

from invoicing.services.access.guesses import unlock


class Command(BaseCommand):
    help = "Oublie les mots de passe faux d'un compte, ou de tous : la connexion est permise à nouveau aussitôt."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username", nargs="?", default="", help="nom d'utilisateur ; sans lui, tous les comptes")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        self.stdout.write(f"{unlock(username)} essai(s) oublié(s).")
