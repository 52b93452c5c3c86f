"""Boxes that choose a record by typing."""

from typing import Any, ClassVar

from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from openfire_billing.kernel.formats import read_id


class RecordSelect(AutocompleteSelect):
    """An autocompletion. What was sent and names no record chooses nothing, and the form says so."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        return super().optgroups(name, [v for v in value if read_id(v)] or [""], attr)


class RecordsSelect(AutocompleteSelectMultiple):
    """An autocompletion of several. What was sent and cannot be a record is left out."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return [v for v in super().value_from_datadict(data, files, name) or () if read_id(v)]


class KnownSelect(RecordSelect):
    """An autocompletion that shows the article its form already loaded, instead of asking the database for each row."""

    known: ClassVar[dict[str, str]] = {}

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        chosen = [str(v) for v in value if v]
        if not all(v in self.known for v in chosen):
            return super().optgroups(name, value, attr)
        options = [self.create_option(name, "", "", False, 0)]
        options += [self.create_option(name, v, self.known[v], True, n) for n, v in enumerate(chosen, 1)]
        return [(None, options, 0)]
