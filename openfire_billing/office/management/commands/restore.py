from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from openfire_billing.db.base_version import keep_other_version_aside
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.backup import absent_text
from openfire_billing.office.restore import restore, verify


class Command(BaseCommand):
    help = "Restaure une sauvegarde dans une base neuve et vérifie chaque table. Coupée, la même commande la termine."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--verify", action="store_true", help="lit et contrôle la sauvegarde, sans rien restaurer")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            manifest = verify(file)
            if options["verify"]:
                self.stdout.write(f"Sauvegarde entière : {_content(manifest)}.")
                if absent := manifest.get("absent"):
                    self.stderr.write(absent_text(absent))
                return
            if kept := keep_other_version_aside():
                self.stdout.write(
                    f"La base en place vient d'une autre version du programme : elle est gardée sous {kept}."
                )
            restore(file, manifest)
            self.stdout.write(f"Restauré et vérifié : {_content(manifest)}.")
        except OSError as failure:
            raise CommandError(f"Rien n'est restauré, {file} ne se lit pas : {failure.strerror}.") from failure
        except BusinessError as refusal:
            raise CommandError(str(refusal) if options["verify"] else f"Rien n'est restauré : {refusal}") from refusal


def _content(manifest: dict[str, Any]) -> str:
    """Return what a backup holds, in words."""
    tables, files = manifest["tables"], manifest["files"]
    rows, size = sum(table["rows"] for table in tables.values()), sum(file["size"] for file in files.values())
    made_at = timezone.localtime(datetime.fromisoformat(manifest["made_at"]))
    return (
        f"{len(tables)} tables, {rows} lignes, {len(files)} fichier(s) de {size / 1e6:.1f} Mo, "
        f"base {manifest['database']} du {made_at:%d/%m/%Y à %H:%M}, version {manifest.get('program', 'inconnue')}"
    )
