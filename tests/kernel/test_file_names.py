"""Names of files that people send, and those of an archive."""

import pytest

from openfire_billing.kernel.file_names import clean_name, unusual_names


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("bon.pdf", "bon.pdf"),
        ("bon.pdf.exe. . ", "bon.pdf.exe"),
        ("bon.exe\u00a0.\u2003", "bon.exe"),
        ("fac\u202efdp.exe", "facfdp.exe"),
        ("a\u200b\u2066b\x07.pdf", "ab.pdf"),
        ("re\u0301sume\u0301.pdf", "résumé.pdf"),
        ("C:\\temp\\bon.pdf", "bon.pdf"),
        ("../../bon.pdf", "bon.pdf"),
        (" .htaccess", ".htaccess"),
        ("..", "fichier"),
        ("\u202e. ", "fichier"),
    ],
)
def test_name_that_is_kept(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept == clean_name(kept)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../a",
            "./a",
            "a/./b",
            "a//b",
            "/a",
            "a/",
            "a\\b",
            "a.",
            "a ",
            "a./b",
            "a\u202eb",
            "e\u0301",
            "a\nb",
            "",
            ".",
        ),
    ],
)
def test_path_that_no_file_of_the_product_has(path: str) -> None:
    assert unusual_names(["attachments/2026/11/x/bon.pdf", path]) == [path]


def test_paths_that_differ_by_case_alone() -> None:
    assert unusual_names(["a/Bon.pdf", "b/bon.pdf", "a/bon.PDF"]) == ["a/bon.PDF"]
    assert unusual_names(["a/bon.pdf", "b/bon.pdf"]) == []
