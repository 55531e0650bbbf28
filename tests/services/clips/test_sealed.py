"""An encrypted clip: only its key opens it, and only as the clip of its alarm."""

import base64
from dataclasses import replace

import pytest

from services.clips.sealed import ClipCipher
from services.errors import ClipError
from tests.clip_rig import KEY, OTHER_KEY, clip, grey


def test_a_clip_shows_no_picture_without_its_key() -> None:
    sealed = clip()
    picture = grey(40)
    for form in (picture, base64.b64encode(picture), b"WEBP", b"bed-4"):
        assert form not in base64.urlsafe_b64decode(sealed.sealed)
    with pytest.raises(ClipError, match=r"^clips\.key_file: is not the key that "):
        ClipCipher(OTHER_KEY).open(sealed)


def test_a_clip_opens_with_its_key_and_has_times_from_its_event() -> None:
    content = ClipCipher(KEY).open(clip())
    assert (content["alarm_id"], content["subject"]) == ("e1", "bed-4")
    assert content["at"] == "1970-01-01T00:01:40+00:00"
    assert [it["t"] for it in content["pictures"]] == [-30, 0, 60]
    assert base64.b64decode(content["pictures"][1]["webp"]) == grey(40)


def test_a_clip_that_was_changed_or_is_of_another_alarm_is_refused() -> None:
    sealed = clip()
    middle = len(sealed.sealed) // 2
    wrong = b"A" if sealed.sealed[middle : middle + 1] != b"A" else b"B"
    changed = sealed.sealed[:middle] + wrong + sealed.sealed[middle + 1 :]
    with pytest.raises(ClipError, match="is not the key"):
        ClipCipher(KEY).open(replace(sealed, sealed=changed))
    others = replace(sealed, alarm_id="e2"), replace(sealed, subject_id="bed-5")
    for other in others:
        with pytest.raises(ClipError, match="the clip of another alarm"):
            ClipCipher(KEY).open(other)
