from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from django.core.management.base import BaseCommand, CommandError

from openfire_billing.db.base_version import keep_other_version_aside
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.backup import restore


class Command(BaseCommand):
    help = "Restaure une sauvegarde dans une base neuve et vérifie chaque table."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            if kept := keep_other_version_aside():
                self.stdout.write(
                    f"La base en place vient d'une autre version du programme : elle est gardée sous {kept}."
                )
            manifest = restore(file)
        except (BusinessError, FileNotFoundError, BadZipFile, KeyError) as refusal:
            raise CommandError(f"Rien n'est restauré : {refusal}") from refusal
        rows = sum(table["rows"] for table in manifest["tables"].values())
        self.stdout.write(f"Restauré et vérifié : {len(manifest['tables'])} tables, {rows} lignes.")
