"""Make the PDFs that posted invoices wait for."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from invoicing.models import DocumentJob
from invoicing.paper.pdf import make_document
from invoicing.services.documents.jobs import take_job


class Command(BaseCommand):
    help = "Produit les PDF qui manquent aux factures validées."

    def handle(self, *args: Any, **options: Any) -> None:
        made = 0
        DocumentJob.objects.update(not_before=timezone.now())  # those that failed are tried again now
        while job := take_job():
            made += make_document(job)
        failed = DocumentJob.objects.exclude(last_error="")
        self.stdout.write(f"{made} PDF produit(s), {failed.count()} en échec.")
        for job in failed[:20]:
            self.stdout.write(job.last_error)
        if failed:
            sys.exit(1)
