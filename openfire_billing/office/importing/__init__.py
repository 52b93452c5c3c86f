"""Import from CSV or XLSX: read, look at every row, say each fault in French; write all of it or nothing.

The same file twice changes nothing: each kind knows its rows again by a key.
"""

from openfire_billing.office.importing.kinds import KINDS
from openfire_billing.office.importing.run import Preview, apply_import, prepare_import

__all__ = ["KINDS", "Preview", "apply_import", "prepare_import"]
