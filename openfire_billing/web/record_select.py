"""Boxes that choose a record by typing."""

from typing import Any, ClassVar

from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from openfire_billing.kernel.formats import read_id


class RecordSelect(AutocompleteSelect):
    """An autocompletion. A value that names no record chooses nothing, and the form says so.

    `known`: {key: name} of the records its form has loaded; they are shown without a query.
    """

    known: ClassVar[dict[str, str]] = {}

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        chosen = [v for v in value if read_id(v)]
        if not chosen or not all(str(v) in self.known for v in chosen):
            return super().optgroups(name, chosen or [""], attr)
        options = [self.create_option(name, "", "", False, 0)]
        options += [self.create_option(name, v, self.known[str(v)], True, n) for n, v in enumerate(chosen, 1)]
        return [(None, options, 0)]


class RecordsSelect(AutocompleteSelectMultiple):
    """An autocompletion of several records. Values that cannot be keys are left out."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return [v for v in super().value_from_datadict(data, files, name) or () if read_id(v)]
