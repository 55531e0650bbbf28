"""Passwords and secrets."""

from services.console.passwords import (
    MOST_LENGTH,
    check,
    csrf_of,
    fits,
    hash_of_password,
    hash_of_secret,
    new_password,
    new_secret,
)


def test_a_password_fits_its_own_hash_alone() -> None:
    hashed = hash_of_password("correct horse")
    assert "correct" not in hashed
    assert fits("correct horse", hashed)
    assert not fits("correct horsf", hashed)


def test_nobody_and_a_damaged_hash_have_no_password() -> None:
    assert not fits("", None)
    assert not fits("anything", "$argon2id$broken")


def test_an_endless_password_is_refused_without_work() -> None:
    long = "x" * (MOST_LENGTH + 1)
    assert not fits(long, hash_of_password(long))


def test_at_most_two_passwords_are_checked_at_once_and_each_gets_its_answer() -> None:
    hashed = hash_of_password("correct horse")
    words = ["correct horse", "guess"] * 3
    coming = [check(word, hashed) for word in words]
    coming.append(check("guess", None))
    assert sum(it.running() for it in coming) <= 2
    assert [it.result() for it in coming] == [*[True, False] * 3, False]


def test_passwords_and_secrets_differ_each_time() -> None:
    assert len({new_password() for _ in range(50)}) == 50
    assert len({new_secret() for _ in range(50)}) == 50


def test_the_proof_of_a_form_tells_nothing_that_the_store_holds() -> None:
    assert csrf_of("secret") != hash_of_secret("secret")
