"""The version of a record: the state of it that a user saw when he asked for a change."""

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar, cast

from django.db import models
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.scope import refuse_other_company
from openfire_billing.db.stamps import STAMP, Stamped
from openfire_billing.db.texts import Text


class Versioned(Stamped):
    """A record with a form. `version` rises by one with each saving and each move, by whatever door.

    It does not rise with what stands beside the record (notes, files, messages, papers) nor with what is derived from
    others (next due day, hours planned).
    """

    PARENT: ClassVar[str] = ""  # the field of the record whose form shows this one: its version rises too

    # Rows of no company are changed by who works for every company.
    IS_RULE: ClassVar[bool] = False
    # Fields, and one-to-one rows, that keep their value when another company has used the record, except for who works
    # for every company; what the others do instead.
    KEPT_FOR_OTHERS: ClassVar[tuple[str, ...]] = ()
    KEPT_ADVICE: ClassVar[Text] = ""
    # Relations to shared records whose use is a use of this one.
    USED_THROUGH: ClassVar[tuple[str, ...]] = ()

    version = models.PositiveIntegerField(_("version"), default=1, db_default=1, editable=False)

    class Meta:
        abstract = True

    # A form whose service checks the record again sets it on its own copy: each constraint costs a query.
    leaves_constraints = False

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """As Django's; checks nothing on the copy of a form that leaves constraints to its service."""
        if not self.leaves_constraints:
            super().validate_constraints(exclude=exclude)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """As Django's, except that a relation whose record is loaded is not looked up in the database.

        A loaded relation of another company is refused.
        """
        at_hand = {
            field.name
            for field in self._meta.concrete_fields
            if isinstance(field, models.ForeignKey)
            and not field.get_limit_choices_to()
            and (record := field.get_cached_value(self, default=None)) is not None
            and record.pk is not None
        }
        super().clean_fields(exclude=at_hand | set(exclude or ()))
        refuse_other_company(self, exclude=set(exclude or ()))


def columns_of(document: models.Model) -> dict[str, object]:
    """Return {column: value} of a record as it is now, without its key, its version and the moment of its last write."""
    return {
        field.attname: getattr(document, field.attname)
        for field in document._meta.concrete_fields
        if not field.primary_key and field.name not in ("version", STAMP)
    }


def changed_labels(document: models.Model, before: Mapping[str, object], names: Iterable[str]) -> list[str]:
    """Return the labels of the named fields whose column differs from `before` (`columns_of`), in the order of `names`."""
    fields = {field.name: field for field in document._meta.concrete_fields}
    return [
        str(fields[name].verbose_name)
        for name in names
        if getattr(document, fields[name].attname) != before[fields[name].attname]
    ]


def save_columns(document: Versioned, columns: Collection[str]) -> None:
    """Write these columns of a record that is locked, and raise its version. Nothing when there are none."""
    if columns:
        document.version += 1
        document.save(update_fields=[*columns, "version"])


def raise_version(document: Versioned) -> None:
    """Raise the version of a locked record whose lines changed and whose own columns did not."""
    document.version += 1
    document.save(update_fields=["version"])


def raise_parent(document: Versioned) -> None:
    """Raise the version of the record whose form shows this one, if there is one."""
    if parent := getattr(document, document.PARENT, None) if document.PARENT else None:
        type(parent)._default_manager.filter(pk=parent.pk).update(version=models.F("version") + 1)


def save_changed(document: models.Model, before: Mapping[str, object]) -> set[str]:
    """Write the columns that differ from `before` (`columns_of`) and raise the version when one does. Return their
    names.
    """
    now = columns_of(document)
    changed = {name for name, value in now.items() if before[name] != value}
    save_columns(cast("Versioned", document), changed)
    return changed
