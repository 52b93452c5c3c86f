import sys
from typing import Any

from django.core.management.base import BaseCommand

from invoicing.paper import pdf
from invoicing.tasks import render_missing_documents


class Command(BaseCommand):
    help = "Produit les PDF qui manquent aux factures validées."

    def handle(self, *args: Any, **options: Any) -> None:
        made = 0
        while done := render_missing_documents():  # a batch at a time
            made += done
        left = len(pdf.documents_missing())
        self.stdout.write(f"{made} PDF produit(s), {left} en échec (voir le journal du serveur).")
        if left:
            sys.exit(1)
