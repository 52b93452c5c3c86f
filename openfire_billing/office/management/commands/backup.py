from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.backup import absent_text, backup


class Command(BaseCommand):
    help = "Sauvegarde toute la base et les fichiers privés dans un seul fichier."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if file.exists():
            raise CommandError(f"{file} existe déjà : choisissez un autre nom, rien n'est écrasé.")
        try:
            manifest = backup(file)
        except BusinessError as refusal:
            raise CommandError(f"Rien n'est sauvegardé : {refusal}") from refusal
        except FileExistsError as there:
            raise CommandError(f"{file} existe déjà : choisissez un autre nom, rien n'est écrasé.") from there
        except OSError as error:
            raise CommandError(f"Rien n'est sauvegardé, {file} ne s'écrit pas : {error.strerror}.") from error
        rows = sum(table["rows"] for table in manifest["tables"].values())
        self.stdout.write(
            f"{file} : {len(manifest['tables'])} tables, {rows} lignes, {len(manifest['files'])} fichier(s), "
            f"{file.stat().st_size / 1e6:.1f} Mo."
        )
        if absent := manifest["absent"]:
            self.stderr.write(absent_text(absent))
