"""Sectors and the postcodes they cover; the sector of addresses; « Actualiser les secteurs »."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from interventions.models import AddressSector, Sector, SectorRange
from interventions.sectors import Covered, SectorTable, range_text, whole_range
from interventions.services.locks import lock_found_sectors
from invoicing.models import Address
from invoicing.services.records.history import record, record_many
from invoicing.services.records.saving import save_record
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import raise_version
from openfire_billing.kernel.formats import value_text

CHUNK = 2000  # addresses read and written at once


def read_table() -> SectorTable[Sector]:
    """Return the postcodes of the active sectors, in one query."""
    rows = SectorRange.objects.filter(sector__is_active=True).select_related("sector").order_by()
    return SectorTable(Covered(row.first, row.last, row.sector, row.sector.name) for row in rows)


def sectors_of(addresses: Iterable[Address]) -> dict[int, Sector | None]:
    """Return {id of an address: its sector}, in three queries: the one in force (chosen by hand, or written by
    « Actualiser les secteurs »), else the one whose postcodes cover it.
    """
    found = sector_ids_of({address.pk: address.zip for address in addresses})
    sectors = Sector.objects.in_bulk({pk for pk in found.values() if pk is not None})
    return {address: sectors.get(pk) if pk is not None else None for address, pk in found.items()}


def sector_ids_of(zips: Mapping[int, str]) -> dict[int, int | None]:
    """Return {id of an address: id of its sector} from {id of an address: its postcode}, in two queries."""
    kept = AddressSector.objects.in_force().filter(address__among=list(zips)).order_by()
    found: dict[int, int | None] = dict(kept.values_list("address", "sector"))
    if len(found) < len(zips):
        table = read_table()
        for pk, zip_code in zips.items():
            if pk not in found:
                sector = table.sector_at(zip_code)
                found[pk] = sector.pk if sector else None
    return found


def sector_of(address: Address) -> Sector | None:
    """Return the sector of an address."""
    return sectors_of([address])[address.pk]


def save_sector(
    sector: Sector,
    *,
    values: Mapping[str, object],
    ranges: Sequence[tuple[str, str]] | None = None,
    seen: int | None = None,
    by: By,
) -> Sector:
    """Save a new or an existing sector, and the postcodes it covers instead of those it had; None leaves them.

    Raises as `save_record` does, and ValidationError for a range that is none; saves nothing then.
    """
    with atomic():
        is_new, before = sector.pk is None, sector.version
        saved = save_record(sector, values=values, seen=seen, by=by)
        if ranges is None:
            return saved
        changes = _write_ranges(saved, {whole_range(first, last) for first, last in ranges})
        if changes and not is_new:
            if saved.version == before:
                raise_version(saved)
            record(saved, "changed", by=by, text=_("Codes postaux modifiés"), changes={"ranges": changes})
    return saved


def _write_ranges(sector: Sector, wanted: set[tuple[str, str]]) -> list[str]:
    """Write the ranges of a sector. Return [before, after] as texts; nothing when they are the same."""
    had = {(row.first, row.last): row for row in sector.ranges.all()}
    if had.keys() == wanted:
        return []
    new = [SectorRange(sector=sector, first=first, last=last) for first, last in sorted(wanted - had.keys())]
    for row in new:
        row.full_clean(exclude=["sector"])
    SectorRange.objects.filter(pk__in=[row.pk for key, row in had.items() if key not in wanted]).delete()
    SectorRange.objects.bulk_create(new)
    return [_ranges_text(had), _ranges_text(wanted)]


def _ranges_text(ranges: Iterable[tuple[str, str]]) -> str:
    return ", ".join(range_text(*one) for one in sorted(ranges)) or value_text(None)


@dataclass(frozen=True)
class SectorMove:
    """How many addresses go from one sector to another; None for no sector written."""

    before: Sector | None
    after: Sector | None
    count: int


@dataclass(frozen=True)
class _Found:
    """An address without a choice made by hand: its postcode, the row it has, and the sector its postcode is in."""

    address: int
    zip: str
    row: int | None
    before: int | None
    seen_zip: str
    after: int | None

    @property
    def is_moved(self) -> bool:
        return self.before != self.after


def sector_moves() -> list[SectorMove]:
    """Return what « Actualiser les secteurs » would change, the most numerous first. Writes nothing."""
    table = read_table()
    return _moves(Counter((f.before, f.after) for ids in _chunks() for f in _read(table, ids) if f.is_moved))


def refresh_sectors(*, by: By) -> int:
    """Write the sector of every address that nobody chose by hand, by its postcode. Return how many change of sector.

    Done again, it changes nothing. The statements of a chunk do not depend on how many of its addresses change.
    """
    table, moved = read_table(), Counter[tuple[int | None, int | None]]()
    with atomic():
        for ids in _chunks():
            lock_found_sectors(ids)
            rows = _read(table, ids)
            _write(rows)
            moved.update((f.before, f.after) for f in rows if f.is_moved)
        _write_journal(_moves(moved), by=by)
    return moved.total()


def _chunks() -> Iterator[list[int]]:
    """Yield the ids of all addresses, a chunk at a time."""
    last = 0
    while ids := list(Address.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        last = ids[-1]
        yield ids


def _read(table: SectorTable[Sector], ids: Sequence[int]) -> list[_Found]:
    rows = Address.objects.filter(pk__among=ids).exclude(sector_choice__is_manual=True).order_by("pk")
    columns = ("pk", "zip", "sector_choice", "sector_choice__sector", "sector_choice__zip")
    found = []
    for pk, zip_code, row, before, seen_zip in rows.values_list(*columns):
        sector = table.sector_at(zip_code)
        found.append(_Found(pk, zip_code, row, before, seen_zip or "", sector.pk if sector else None))
    return found


def _write(rows: Sequence[_Found]) -> None:
    """Insert, update and delete the sectors found, in one statement each. A choice made by hand meanwhile stays."""
    new = [f for f in rows if f.row is None and f.after is not None]
    kept = [f for f in rows if f.row is not None and f.after is not None and (f.is_moved or f.seen_zip != f.zip)]
    gone = [f.row for f in rows if f.row is not None and f.after is None]
    AddressSector.objects.bulk_create(
        [AddressSector(address_id=f.address, sector_id=f.after, is_manual=False, zip=f.zip) for f in new],
        ignore_conflicts=True,
    )
    bulk.update(AddressSector, ["sector_id", "zip"], [(f.row, f.after, f.zip) for f in kept])
    if gone:
        AddressSector.objects.filter(pk__among=gone).delete()


def _moves(counts: Mapping[tuple[int | None, int | None], int]) -> list[SectorMove]:
    sectors: dict[int | None, Sector] = {**Sector.objects.in_bulk({pk for pair in counts for pk in pair if pk})}
    moves = [SectorMove(sectors.get(before), sectors.get(after), count) for (before, after), count in counts.items()]
    return sorted(moves, key=lambda move: (-move.count, str(move.before or ""), str(move.after or "")))


def _write_journal(moves: Iterable[SectorMove], *, by: By) -> None:
    """Write in the journal of each sector how many addresses it gains and loses."""
    gained, lost = Counter[Sector](), Counter[Sector]()
    for move in moves:
        if move.after is not None:
            gained[move.after] += move.count
        if move.before is not None:
            lost[move.before] += move.count
    lines = []
    for sector in sorted(gained.keys() | lost.keys(), key=lambda sector: sector.pk):
        parts = []
        if count := gained[sector]:
            parts.append(ngettext("%d adresse gagnée", "%d adresses gagnées", count) % count)
        if count := lost[sector]:
            parts.append(ngettext("%d adresse perdue", "%d adresses perdues", count) % count)
        lines.append((sector, _("Secteurs actualisés : %s") % ", ".join(parts), None))
    if lines:
        record_many(lines, "refreshed", by=by)
