"""Import from CSV or XLSX: read, check every row, report each fault in French; write all of it or nothing.

The same file imported twice changes nothing: each kind finds the record of a row by a key.
"""

from openfire_billing.office.importing.kinds import KINDS
from openfire_billing.office.importing.run import Preview, answer_import, apply_import, prepare_import

__all__ = ["KINDS", "Preview", "answer_import", "apply_import", "prepare_import"]
