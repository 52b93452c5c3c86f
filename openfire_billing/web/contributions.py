"""What an upper app adds to a lower app's model: smart buttons, actions, tabs, origins, texts of messages.

A pure registry. A page belongs to the lower app; what stands on it may come from above. Each upper app calls
`contribute` once per model from its `admin` package; the lower app's page asks `contributions_to(model)`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True)
class SmartButton:
    """A counter on a form: icon, number, label; a click opens the filtered list, or the one record.

    `origin` names the origins counted (documents of `target`, an "app.Model" label, made from this one).
    """

    origin: str
    label: Any
    icon: str
    target: str
    order: int = 100
    permission: str = ""


@dataclass(frozen=True)
class FirstAct:
    """A button on a record's page that opens the empty creation form of another document.

    The page appends `?partner=<id>` to the URL of `url_name` (`parameter` in place of "partner"), and shows the button
    to users with `permission` on the records for which `is_offered` is true.
    """

    label: Any
    icon: str
    url_name: str
    permission: str
    parameter: str = "partner"
    is_offered: Callable[[Any], bool] = lambda record: True


@dataclass(frozen=True)
class OpenItems:
    """Documents of a customer that wait for something: what somebody who calls is asked about.

    `rows(partner_ids, today)`: those of these customers, the most urgent first. `partners`: the columns of a row that
    hold the id of its customer. `say(row)`: the sentence beside its name. `most`: how many are shown of a customer.
    `is_searched`: whether the search shows them under the name of the customer; his page always does.
    `say_on_page(rows)`: {id: the sentence of the customer's page instead}, of all rows at once, where it asks the database.
    """

    label: Any
    icon: str
    permission: str
    rows: Callable[[Sequence[int], date], Any]
    partners: tuple[str, ...]
    say: Callable[[Any], str]
    most: int = 3
    order: int = 100
    is_searched: bool = True
    say_on_page: Callable[[Sequence[Any]], Mapping[int, str]] = lambda rows: {}


@dataclass(frozen=True)
class TimelineKind:
    """Records of one kind in the timeline of a customer's page.

    `rows(customer, user)`: those of a customer, with their relations; the reader of the timeline narrows
    them to what the user may see. `moment`: the expression of the day or of the moment of a row. `computed(rows)`: the same
    rows with what the functions below read and the database computes, asked for those shown alone. `say(row)`: the text
    beside its name. `state(row)`: colour and word. `link(row)`: its name, as a link; None links to the row's own page.
    `name`: in addresses.
    """

    name: str
    label: Any
    icon: str
    permission: str
    rows: Callable[[Any, Any], Any]
    moment: Any
    computed: Callable[[Any], Any] = lambda rows: rows
    say: Callable[[Any], Any] = lambda row: ""
    amount: Callable[[Any], Any] = lambda row: None
    state: Callable[[Any], tuple[str, Any] | None] = lambda row: None
    link: Callable[[Any], Any] | None = None
    order: int = 100


@dataclass(frozen=True)
class Tab:
    """A notebook page rendered from a template with the context that `context(document, user)` returns."""

    slug: str
    title: Any
    template: str
    context: Callable[[Any, Any], dict[str, Any]]
    order: int = 100


@dataclass
class Contributions:
    """All that was contributed to one model.

    `origins[name]`: functions OuterRef → queryset of target ids. `body_of`: the text of a message about one, as it
    leaves, where something in it is made only then. `paper_of`: the file attached to a mail about one, as (name, bytes,
    MIME type).
    """

    smart_buttons: list[SmartButton] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    first_acts: list[FirstAct] = field(default_factory=list)
    open_items: list[OpenItems] = field(default_factory=list)
    timeline: list[TimelineKind] = field(default_factory=list)
    tabs: list[Tab] = field(default_factory=list)
    origins: dict[str, list[Callable[[Any], Any]]] = field(default_factory=dict)
    body_of: Callable[[Any], str] | None = None
    paper_of: Callable[[Any], tuple[str, bytes, str]] | None = None


_registry: dict[type, Contributions] = {}


def contributions_to(model: type) -> Contributions:
    """Return what was contributed to `model`'s page (empty when nothing was)."""
    return _registry.setdefault(model, Contributions())


def contribute(
    model: type,
    *,
    smart_buttons: Sequence[SmartButton] = (),
    actions: Sequence[Any] = (),
    first_acts: Sequence[FirstAct] = (),
    open_items: Sequence[OpenItems] = (),
    timeline: Sequence[TimelineKind] = (),
    tabs: Sequence[Tab] = (),
    origins: Mapping[str, Callable[[Any], Any]] | None = None,
    body_of: Callable[[Any], str] | None = None,
    paper_of: Callable[[Any], tuple[str, bytes, str]] | None = None,
) -> None:
    """Add to `model`'s page. Origins of one name add up: a counter counts the distinct documents of all of them."""
    contributions = contributions_to(model)
    contributions.smart_buttons.extend(smart_buttons)
    contributions.smart_buttons.sort(key=lambda button: button.order)
    contributions.actions.extend(actions)
    contributions.first_acts.extend(first_acts)
    contributions.open_items.extend(open_items)
    contributions.open_items.sort(key=lambda items: items.order)
    contributions.timeline.extend(timeline)
    contributions.timeline.sort(key=lambda kind: kind.order)
    contributions.tabs.extend(tabs)
    for name, ids_of in (origins or {}).items():
        contributions.origins.setdefault(name, []).append(ids_of)
    contributions.body_of = body_of or contributions.body_of
    contributions.paper_of = paper_of or contributions.paper_of
