"""Boxes for days and hours: French text in the forms and in the dialogs, whatever the language of the browser.

`static/openfire/office/dates.js` adds a calendar and completes what is typed: « 24/11 », « 9h30 ».
"""

from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_DAY = {"class": "of-input of-day", "placeholder": "jj/mm/aaaa", "inputmode": "numeric", "autocomplete": "off"}
_HOUR = {"class": "of-input of-hour", "placeholder": "hh:mm", "inputmode": "numeric", "autocomplete": "off"}
_MOMENT = {"class": "of-input of-moment", "placeholder": "jj/mm/aaaa hh:mm", "autocomplete": "off"}


class DayInput(forms.DateInput):
    """A day."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**_DAY, **(attrs or {})}, format="%d/%m/%Y")

    def render(self, *args: Any, **options: Any) -> SafeString:
        return format_html("<of-date>{}</of-date>", super().render(*args, **options))


class HourInput(forms.TimeInput):
    """An hour of the day."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**_HOUR, **(attrs or {})}, format="%H:%M")

    def render(self, *args: Any, **options: Any) -> SafeString:
        return format_html("<of-hour>{}</of-hour>", super().render(*args, **options))


class MomentInput(forms.DateTimeInput):
    """A day and an hour in one box."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**_MOMENT, **(attrs or {})}, format="%d/%m/%Y %H:%M")

    def render(self, *args: Any, **options: Any) -> SafeString:
        return format_html('<of-date data-hour="1">{}</of-date>', super().render(*args, **options))


class SplitMomentInput(forms.SplitDateTimeWidget):
    """A day and an hour in two boxes."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        forms.MultiWidget.__init__(self, [DayInput(), HourInput({"aria-label": "Heure"})], attrs)

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """Render each box by its own widget: Django renders the parts of a widget by their templates alone."""
        parts = value if isinstance(value, list) else self.decompress(value)
        common = self.build_attrs(self.attrs, attrs)
        return format_html(
            '<span class="of-boxes">{}</span>',
            format_html_join(
                "",
                "{}",
                (
                    (widget.render(f"{name}_{n}", part, common | {"id": f"{common['id']}_{n}"}, renderer),)
                    for n, (widget, part) in enumerate(zip(self.widgets, [*parts, None, None], strict=False))
                ),
            ),
        )
