"""One refusal of several faults."""

from openfire_billing.kernel.errors import BusinessError, Step, WrongState


def test_a_refusal_alone_is_its_own_fault() -> None:
    alone = BusinessError("Pas de ligne.", field="lines")
    assert alone.faults == (alone,)
    assert BusinessError.all([alone]) is alone


def test_several_faults_make_one_refusal_that_keeps_each() -> None:
    step = Step("Ouvrir", "client")
    first = WrongState("Déjà validée.", documents=["facture"])
    second = BusinessError("Pas de SIREN.", field="siren", documents=["client", "facture"], step=step)

    both = BusinessError.all([first, second, BusinessError("Pas de SIREN.")])

    assert str(both) == "Déjà validée. Pas de SIREN."
    assert [str(fault) for fault in both.faults] == ["Déjà validée.", "Pas de SIREN."]
    assert (both.code, both.field, both.documents, both.step) == ("wrong_state", "", ("facture", "client"), step)


def test_faults_of_faults_stand_side_by_side() -> None:
    pair = BusinessError.all([BusinessError("Un."), BusinessError("Deux.")])
    assert [str(fault) for fault in BusinessError.all([pair, BusinessError("Trois.")]).faults] == [
        "Un.",
        "Deux.",
        "Trois.",
    ]
