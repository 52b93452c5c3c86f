"""Who writes rows, services apart: a short list, each with its reason."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITE = re.compile(
    r"\.(?:bulk_create|bulk_update|get_or_create|update_or_create|objects\.create|save)\("
    r"|(?:objects|_manager)\b.*\)\.(?:update|delete)\("
)
HOOK = "A hook of claims and promises: services call it under the locks of the documents."
NO_DOCUMENT = "Tokens, roles and who works for whom: no document, nothing locks them."
FILES = "Files of a storage, no row."
ALLOWED = {
    "contracts/models/claims.py": HOOK,
    "contracts/models/requests.py": HOOK,
    "invoicing/models/parties/partners.py": "An address saved: the keys of its partner's telephones follow.",
    "invoicing/models/parties/places.py": "What is known of a place follows its address.",
    "openfire_billing/db/fields.py": FILES,
    "openfire_billing/db/private_files.py": FILES,
    "openfire_billing/db/searchable.py": "Derived columns follow those that are written.",
    "openfire_billing/db/stamps.py": "The moment of the last write follows every write.",
    "openfire_billing/db/versions.py": "What services save a record with.",
    "invoicing/paper/pdf.py": "The paper of a posted invoice is kept when it is made, whoever reads it first.",
    "invoicing/tasks.py": "Old keys of acts are forgotten.",
    "invoicing/admin/saving.py": "Django's form set, told not to save.",
    "invoicing/api/base.py": "A serializer's save, which calls a service; inside `perform`.",
    "invoicing/admin/lists.py": "A spreadsheet.",
    "invoicing/admin/parties/companies.py": NO_DOCUMENT,
    "invoicing/api/login.py": NO_DOCUMENT,
    "openfire_billing/office/passwords.py": NO_DOCUMENT,
    "openfire_billing/office/roles.py": NO_DOCUMENT,
    "openfire_billing/office/reference.py": "Reference data, replayed safely.",
}


def test_documents_are_written_by_services() -> None:
    """The demonstration, imports and migrations fill an empty base or call services."""
    found = {
        str(path.relative_to(ROOT))
        for app in ("invoicing", "interventions", "appointments", "contracts", "openfire_billing")
        for path in (ROOT / app).rglob("*.py")
        if not {"services", "migrations", "importing"} & set(path.parts)
        and not path.name.startswith("demonstration")
        and WRITE.search(path.read_text(encoding="utf-8"))
    }

    assert sorted(found) == sorted(ALLOWED)
