"""Templates of the theme and of Django that ours replace: a new version that changes one is read before it is taken."""

from hashlib import sha256
from pathlib import Path

import django.contrib.admin
import django.forms
import unfold
from django.conf import settings

from openfire_billing.web.form_renderer import DRAWN

THEIRS = [Path(module.__file__).parent / "templates" for module in (unfold, django.contrib.admin, django.forms)]
READ = {  # template: the start of the SHA-256 of the replaced one
    "admin/base.html": "2ce9250b3c64",
    "admin/includes/fieldset.html": "28426b3cc290",
    "admin/index.html": "9fdb849b7da1",
    "admin/login.html": "13deb7765ce3",
    "admin/submit_line.html": "7a195a7b8bee",
    "django/forms/label.html": "d1b2427488fc",
    "django/forms/widgets/checkbox.html": "7d7a5bc4ccc0",
    "django/forms/widgets/date.html": "7d7a5bc4ccc0",
    "django/forms/widgets/datetime.html": "7d7a5bc4ccc0",
    "django/forms/widgets/email.html": "7d7a5bc4ccc0",
    "django/forms/widgets/hidden.html": "7d7a5bc4ccc0",
    "django/forms/widgets/number.html": "7d7a5bc4ccc0",
    "django/forms/widgets/password.html": "7d7a5bc4ccc0",
    "django/forms/widgets/select.html": "ed4d11ce3784",
    "django/forms/widgets/text.html": "7d7a5bc4ccc0",
    "django/forms/widgets/textarea.html": "02fd58fa1a57",
    "django/forms/widgets/time.html": "7d7a5bc4ccc0",
    "django/forms/widgets/url.html": "7d7a5bc4ccc0",
    "unfold/helpers/account_links.html": "2bf64df6869b",
    "unfold/helpers/add_link.html": "36cc86e42047",
    "unfold/helpers/app_list.html": "6ab83ac498b2",
    "unfold/helpers/edit_inline/inline_add.html": "e8bc669caf9a",
    "unfold/helpers/edit_inline/stacked_title.html": "100f4775aeb5",
    "unfold/helpers/edit_inline/tabular_heading.html": "eef46d03bc16",
    "unfold/helpers/edit_inline/tabular_title.html": "8b67e2262ea4",
    "unfold/helpers/empty_results.html": "5f4727a37a99",
    "unfold/helpers/header_back_button.html": "e75451379d55",
    "unfold/helpers/header_title.html": "b126ed2ab9ca",
    "unfold/helpers/inline_heading.html": "7f4a387ca321",
    "unfold/helpers/messages.html": "9e37d808b512",
    "unfold/helpers/navigation_header.html": "35139b9d9458",
    "unfold/helpers/navigation_user.html": "4c9ba58b3f21",
    "unfold/helpers/pagination_default.html": "a6c793aea686",
    "unfold/helpers/search.html": "91996c27181d",
    "unfold/helpers/theme_switch.html": "c8e659df65f5",
    "unfold/helpers/welcomemsg.html": "e8eab02522ba",
    "unfold/widgets/related_widget_wrapper.html": "4ffda1235520",
    "unfold/widgets/select.html": "33286510ee2c",
}


def replaced() -> dict[str, str]:
    """{template: start of the SHA-256 of the one it replaces}: by a template, or by a function of the renderer of forms."""
    found = {}
    folder = Path(settings.BASE_DIR) / "templates"
    ours = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    for name in sorted(ours | set(DRAWN)):
        theirs = next((folder / name for folder in THEIRS if (folder / name).exists()), None)
        if theirs is not None:
            found[name] = sha256(theirs.read_bytes()).hexdigest()[:12]
    return found


def test_replaced_templates_are_those_that_were_read() -> None:
    assert replaced() == READ


def test_replaced_templates_are_listed_for_the_next_developer() -> None:
    text = (Path(settings.BASE_DIR) / "docs/architecture.md").read_text()
    assert [name for name in READ if f"`{name}`" not in text] == []
