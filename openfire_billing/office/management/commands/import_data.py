from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from invoicing.models import Company
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing import KINDS, apply_import, prepare_import
from openfire_billing.office.importing.bounds import BOUNDS


class Command(BaseCommand):
    help = "Importe des clients, articles, parc installé ou contrats depuis un fichier CSV ou XLSX."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("kind", choices=sorted(KINDS))
        parser.add_argument("file", type=Path)
        parser.add_argument("--company", help="raison sociale (utile s'il y en a plusieurs)")
        parser.add_argument("--dry-run", action="store_true", help="montre ce qui serait écrit, n'écrit rien")

    def handle(self, *args: Any, kind: str, file: Path, company: str | None, dry_run: bool, **options: Any) -> None:
        companies = Company.objects.filter(name=company) if company else Company.objects.all()
        seller = companies.first()
        if company and seller is None:
            raise CommandError(f"Société inconnue : {company}.", returncode=2)
        if seller is None or (companies.count() > 1 and not company):
            raise CommandError("Dites pour quelle société : --company « raison sociale ».", returncode=2)
        content = _content(file)
        try:
            preview = prepare_import(KINDS[kind], name=file.name, content=content, company=seller, by=None)
        except BusinessError as refusal:
            raise CommandError(str(refusal)) from refusal
        for line, column, sentence in preview.faults[:200]:
            self.stderr.write(f"ligne {line}, {column} : {sentence}" if column else f"ligne {line} : {sentence}")
        if preview.ignored:
            self.stdout.write(f"Colonnes laissées, leur titre n'est pas prévu : {', '.join(preview.ignored)}.")
        if preview.faults:
            raise CommandError(f"{len(preview.faults)} défaut(s) : rien n'est écrit.")
        for line, column, sentence in preview.notes[:200]:
            self.stdout.write(f"ligne {line}, {column}, laissé : {sentence}")
        if not dry_run:
            apply_import(preview, company=seller, by=None, progress=self.bar)
        self.stdout.write(f"\n{preview.new} nouveau(x), {preview.changed} modifié(s), {preview.same} inchangé(s).")

    def bar(self, done: int, total: int) -> None:
        """Print a progress bar."""
        filled = 30 * done // max(total, 1)
        self.stdout.write(f"\r[{'█' * filled}{' ' * (30 - filled)}] {done}/{total}", ending="")
        self.stdout.flush()


def _content(file: Path) -> bytes:
    """Return the bytes of a file. Raises CommandError when it cannot be read or is too large to be."""
    try:
        if file.stat().st_size > BOUNDS.bytes:
            raise CommandError(BOUNDS.sentence("bytes"))
        return file.read_bytes()
    except OSError as unread:
        raise CommandError(f"{file} ne se lit pas : vérifiez le nom et les droits.", returncode=2) from unread
