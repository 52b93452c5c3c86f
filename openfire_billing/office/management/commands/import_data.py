from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from invoicing.models import Company
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing import KINDS, Preview, answer_import, apply_import, prepare_import
from openfire_billing.office.importing.bounds import BOUNDS
from openfire_billing.office.importing.samples import left_of


class Command(BaseCommand):
    help = "Importe des clients, articles, parc installé ou contrats depuis un fichier CSV ou XLSX."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("kind", choices=sorted(KINDS))
        parser.add_argument("file", type=Path)
        parser.add_argument("--company", help="raison sociale (utile s'il y en a plusieurs)")
        parser.add_argument("--dry-run", action="store_true", help="montre ce qui serait écrit, n'écrit rien")
        parser.add_argument(
            "--answer",
            action="append",
            default=[],
            metavar="CLÉ=RÉPONSE",
            help="répond à une question de l'aperçu ; CLÉ « * » répond à toutes celles qui restent",
        )
        parser.add_argument("--left", type=Path, help="prend les lignes sans défaut, écrit les autres dans ce CSV")

    def handle(self, *args: Any, kind: str, file: Path, company: str | None, **options: Any) -> None:
        seller, content = _company(company), _content(file)
        answers = dict(answer.partition("=")[::2] for answer in options["answer"])
        try:
            preview = prepare_import(KINDS[kind], name=file.name, content=content, company=seller, by=None)
            if preview.questions:
                rest = answers.pop("*", "")
                said = {question.key: answers.get(question.key, rest) for question in preview.questions}
                answer_import(preview, said, company=seller, by=None)
            self.tell(preview)
            left: Path | None = options["left"]
            if preview.faults and left is None:
                raise CommandError(f"{len(preview.faults)} défaut(s) : rien n'est écrit.")
            if preview.open_questions:
                raise CommandError(
                    f"{len(preview.open_questions)} question(s) sans réponse : rien n'est écrit. Répondez par --answer."
                )
            _give_back(preview, left)
            if not options["dry_run"]:
                is_partial = left is not None
                apply_import(preview, company=seller, by=None, only_good=is_partial, progress=self.bar)
                _give_back(preview, left)  # what became bad meanwhile too
        except BusinessError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"\n{preview.new} nouveau(x), {preview.changed} modifié(s), {preview.same} inchangé(s).")
        if preview.left:
            self.stdout.write(f"{len(preview.left)} ligne(s) laissée(s).")

    def tell(self, preview: Preview) -> None:
        """Print what the preview says of the file."""
        for line, column, sentence in preview.faults[:200]:
            self.stderr.write(f"ligne {line}, {column} : {sentence}" if column else f"ligne {line} : {sentence}")
        if preview.ignored:
            self.stdout.write(f"Colonnes laissées, leur titre n'est pas prévu : {', '.join(preview.ignored)}.")
        for remark in preview.remarks:
            self.stdout.write(remark)
        for line, column, sentence in preview.notes[:200]:
            self.stdout.write(f"ligne {line}, {column}, laissé : {sentence}")
        for change in preview.changes[:200]:
            why = f" ({change.why})" if change.why else ""
            self.stdout.write(f"ligne {change.line}, {change.title} : {change.old} → {change.new}{why}")
        for question in preview.open_questions[:200]:
            choices = " ; ".join(f"{question.key}={choice} : {label}" for choice, label in question.choices)
            self.stdout.write(f"ligne {question.line}, {question.title} : {question.text} {choices}")

    def bar(self, done: int, total: int) -> None:
        """Print a progress bar."""
        filled = 30 * done // max(total, 1)
        self.stdout.write(f"\r[{'█' * filled}{' ' * (30 - filled)}] {done}/{total}", ending="")
        self.stdout.flush()


def _give_back(preview: Preview, left: Path | None) -> None:
    """Write the lines that are not taken, with their reasons, to the file `left`."""
    if left is not None and preview.left:
        left.write_bytes(left_of(preview))


def _company(name: str | None) -> Company:
    """Return the company that imports. Raises CommandError when it is unknown, or one of several must be told."""
    companies = Company.objects.filter(name=name) if name else Company.objects.all()
    seller = companies.first()
    if name and seller is None:
        raise CommandError(f"Société inconnue : {name}.", returncode=2)
    if seller is None or (companies.count() > 1 and not name):
        raise CommandError("Dites pour quelle société : --company « raison sociale ».", returncode=2)
    return seller


def _content(file: Path) -> bytes:
    """Return the bytes of a file. Raises CommandError when it cannot be read or is too large to be."""
    try:
        if file.stat().st_size > BOUNDS.bytes:
            raise CommandError(BOUNDS.sentence("bytes"))
        return file.read_bytes()
    except OSError as unread:
        raise CommandError(f"{file} ne se lit pas : vérifiez le nom et les droits.", returncode=2) from unread
