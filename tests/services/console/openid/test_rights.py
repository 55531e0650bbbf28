"""What the claims of a provider allow."""

from typing import Any

import pytest

from services.console.openid.refusal import LoginRefused
from services.console.openid.rights import Admitted, admitted
from services.site.openid import OpenIdSettings

CLAIMS = {"sub": "7", "preferred_username": "Nora", "groups": ["nurses", "choir"]}


def allowed(claims: dict[str, Any], **more: Any) -> Admitted:
    settings = OpenIdSettings.model_validate(
        {
            "issuer": "https://login.example",
            "client_id": "console",
            "console_url": "https://ward.example",
            "roles": {"nurses": "carer", "it": "administrator"},
            **more,
        }
    )
    return admitted({**CLAIMS, **claims}, settings)


def test_a_group_gives_a_role_and_the_subject_is_the_identity() -> None:
    expected = Admitted("https://login.example 7", "nora", "carer", None)
    assert allowed({}) == expected


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["nurses", "it"], "administrator"),
        ("it", "administrator"),
        ([1, "nurses"], "carer"),
    ],
)
def test_the_group_with_the_most_rights_counts(groups: Any, role: str) -> None:
    assert allowed({"groups": groups}).role == role


def test_a_role_inside_another_claim_is_found() -> None:
    claims = {"realm_access": {"roles": ["it"]}}
    assert allowed(claims, roles_claim="realm_access.roles").role == "administrator"


@pytest.mark.parametrize("groups", [["visitors"], [], None, {"nurses": 1}])
def test_everybody_else_has_the_default_role_or_none(groups: Any) -> None:
    with pytest.raises(LoginRefused, match=r"^the claim groups gives no role$"):
        allowed({"groups": groups})
    assert allowed({"groups": groups}, default_role="viewer").role == "viewer"


def test_subjects_are_those_of_all_groups_together() -> None:
    beds = {"nurses": ["bed-2"], "choir": ["bed-1", "bed-2"], "it": "all"}
    assert allowed({}, subjects=beds).subjects == ("bed-1", "bed-2")
    assert allowed({"groups": ["nurses", "it"]}, subjects=beds).subjects is None
    some = {"it": ["bed-1"]}
    assert allowed({}, subjects=some).subjects == ()


@pytest.mark.parametrize("name", ["", "Ada Lovelace", 7, None, "a" * 65, "../x"])
def test_a_name_that_no_user_can_have_is_refused(name: Any) -> None:
    with pytest.raises(LoginRefused, match=r"preferred_username gives no name"):
        allowed({"preferred_username": name})


def test_an_address_of_mail_can_be_a_name() -> None:
    assert allowed({"email": "N.Ora@ward.example"}, user_claim="email").name == (
        "n.ora@ward.example"
    )
