"""Render the PDFs of posted invoices that wait for one."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from invoicing.models import DocumentJob
from invoicing.paper.pdf import make_document
from invoicing.services.documents.jobs import retry_all, take_job


class Command(BaseCommand):
    help = "Produit les PDF qui manquent aux factures validées."

    def handle(self, *args: Any, **options: Any) -> None:
        made = 0
        retry_all()
        while job := take_job():
            made += make_document(job)
        left = DocumentJob.objects.select_related("invoice")
        self.stdout.write(f"{made} PDF produit(s), {left.count()} en échec ou pris par un worker.")
        for job in left.exclude(last_error="")[:20]:
            self.stdout.write(f"{job} : {job.last_error}")
        if left:
            sys.exit(1)
