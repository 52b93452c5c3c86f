"""« A section title never alone at a page's foot, a row taller than a page breaks under a repeated head, long words wrap. »"""

from io import BytesIO

import pytest
from pypdf import PdfReader

from invoicing.paper.pdf import invoice_pdf, quote_pdf
from tests.factories import World, item
from tests.invoicing.papers import pages_of

pytestmark = pytest.mark.django_db
HEAD = "Désignation"
PRINTED_WIDTH = 195 / 210  # of the sheet: what stands right of it is in the margin


def texts(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(content)).pages]


@pytest.mark.parametrize("before", range(14, 26))
def test_a_title_stands_on_the_page_of_its_first_line(world: World, before: int) -> None:
    lines = [item(label=f"Ligne {n}") for n in range(before)]
    titled = [item(kind="section", label="Titre de la suite"), item(label="Première de la suite")]

    pages = texts(invoice_pdf(world.draft(*lines, *titled)))

    page_of_title = [n for n, text in enumerate(pages) if "Titre de la suite" in text]
    assert page_of_title == [n for n, text in enumerate(pages) if "Première de la suite" in text]


def test_a_row_taller_than_a_page_breaks_under_a_repeated_head(world: World) -> None:
    label = "\n".join(f"Ligne de texte numéro {n}" for n in range(150))

    pages = texts(invoice_pdf(world.draft(item(label=label))))

    printed = [n for n in range(150) if any(f"Ligne de texte numéro {n}" in text.split("\n") for text in pages)]
    assert printed == list(range(150))
    with_rows = [text for text in pages if "Ligne de texte numéro" in text]
    assert len(with_rows) >= 2
    assert [HEAD in text for text in with_rows] == [True] * len(with_rows)


def test_long_words_stay_inside_the_sheet(world: World) -> None:
    word = "Kx" * 120
    draft = world.draft(item(label=word), item(kind="note", label=word))
    draft.customer.name = word[:120]
    draft.customer.save()

    for page in pages_of(invoice_pdf(draft)):
        grey = page.convert("L")
        margin = grey.crop((int(grey.width * PRINTED_WIDTH) + 2, 0, grey.width, grey.height))
        assert margin.getextrema()[0] > 200  # nothing dark right of the printed area


def test_amounts_have_their_room_beside_a_long_description(world: World) -> None:
    draft = world.draft(item(1234, label="Un mot " * 60, price="98765.4321", discount="12.5"))

    (text, *_more) = texts(quote_pdf(world.quote(intervention=world.intervention(item(2, label="x" * 300)))))
    assert "x" * 20 in text.replace("\n", "")
    assert "98 765,4321" in texts(invoice_pdf(draft))[0].replace("\u202f", " ").replace("\xa0", " ")
