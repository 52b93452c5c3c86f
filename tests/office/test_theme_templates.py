"""Templates of the theme and of Django that ours replace: a new version that changes one is read before it is taken."""

from hashlib import sha256
from pathlib import Path

import django.contrib.admin
import unfold
from django.conf import settings

THEIRS = [Path(unfold.__file__).parent / "templates", Path(django.contrib.admin.__file__).parent / "templates"]
READ = {  # template: the start of the SHA-256 of the replaced one
    "admin/base.html": "2ce9250b3c64",
    "admin/index.html": "9fdb849b7da1",
    "admin/login.html": "13deb7765ce3",
    "admin/submit_line.html": "7a195a7b8bee",
    "unfold/helpers/account_links.html": "2bf64df6869b",
    "unfold/helpers/add_link.html": "36cc86e42047",
    "unfold/helpers/app_list.html": "6ab83ac498b2",
    "unfold/helpers/edit_inline/tabular_title.html": "8b67e2262ea4",
    "unfold/helpers/empty_results.html": "5f4727a37a99",
    "unfold/helpers/header_back_button.html": "e75451379d55",
    "unfold/helpers/header_title.html": "b126ed2ab9ca",
    "unfold/helpers/messages.html": "9e37d808b512",
    "unfold/helpers/navigation_header.html": "35139b9d9458",
    "unfold/helpers/navigation_user.html": "4c9ba58b3f21",
    "unfold/helpers/pagination_default.html": "a6c793aea686",
    "unfold/helpers/search.html": "91996c27181d",
    "unfold/helpers/theme_switch.html": "c8e659df65f5",
    "unfold/helpers/welcomemsg.html": "e8eab02522ba",
    "unfold/widgets/related_widget_wrapper.html": "4ffda1235520",
}


def replaced() -> dict[str, str]:
    """{template: start of the SHA-256 of the one it replaces}."""
    found = {}
    for ours in sorted((Path(settings.BASE_DIR) / "templates").rglob("*.*")):
        name = str(ours.relative_to(Path(settings.BASE_DIR) / "templates"))
        theirs = next((folder / name for folder in THEIRS if (folder / name).exists()), None)
        if theirs is not None:
            found[name] = sha256(theirs.read_bytes()).hexdigest()[:12]
    return found


def test_replaced_templates_are_those_that_were_read() -> None:
    assert replaced() == READ


def test_replaced_templates_are_listed_for_the_next_developer() -> None:
    text = (Path(settings.BASE_DIR) / "docs/architecture.md").read_text()
    assert [name for name in READ if f"`{name}`" not in text] == []
