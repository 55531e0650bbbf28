"""Of an address, only scheme, host, port and path are shown, wherever it is written."""

import pickle
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import FootageError, PayloadError, PipelineError, SourceError
from pipelines.redaction import redact, shown_address, shown_path
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.wearable.address import MqttAddress
from pipelines.sources.wearable.replay import read_imu_csv
from services.errors import SettingsError

SECRET = "sEcReT9"

FORMS = [
    "rtsp://nurse:{s}@10.0.0.7/stream",
    "rtsp://{s}@10.0.0.7/stream",
    "rtsp://nurse:a/{s}@10.0.0.7/stream",
    "rtsp://nurse:a@{s}@10.0.0.7/stream",
    "rtsp://nurse:1#{s}@10.0.0.7/stream",
    "rtsp://nurse:a {s}@10.0.0.7/stream",
    "rtsp://nurse:{s}",
    "RTSP://nurse:{s}@10.0.0.7/stream",
    "rtsp:/nurse:{s}@10.0.0.7/stream",
    "rtsp:\\\\nurse:{s}@10.0.0.7/stream",
    "rtsp%3A%2F%2Fnurse:{s}@10.0.0.7/stream",
    "rtsp//nurse:{s}@10.0.0.7/stream",
    "nurse:{s}@10.0.0.7/stream",
    "rtsp://[fe80::1]:554/h264?{k}={s}",
    "rtsp://10.0.0.7:554/h264?a=1&{k}={s}&b=2",
    "rtsp://10.0.0.7:554/h264#{k}={s}",
    "rtsp://10.0.0.7:554/h264;{k}={s}",
    "rtsp://10.0.0.7:554/h264?{k}%3D{s}",
    "rtsp://10.0.0.7/{k}={s}",
    "rtsp://10.0.0.7/user=admin&{k}={s}&channel=1",
    "rtsp://10.0.0.7/user=admin_{k}={s}_channel=1_stream=0.sdp?real_stream",
    "rtsp://10.0.0.7/0/admin:{s}/main",
    "rtsp://10.0.0.7/password/{s}/main",
    "rtsp:/10.0.0.7/h264?{k}={s}",
    "http://10.0.0.7/h264?{k}={s}",
    "mqtt://nurse:{s}@broker/ward/imu",
    "mqtt://broker/ward/imu?{k}={s}",
    "mqtt://broker/{k}={s}/imu",
    "mqtt:/nurse:{s}@broker/ward/imu",
]
KEYS = [
    "passwd", "psw", "pass", "loginpas", "token", "auth", "PASSWORD", "pwd",
    "%70assword", "access_token", "sid", "x",
]  # fmt: skip


def parsed(text: str) -> str:
    """What an address shows of itself, or the error that it makes."""
    read: Callable[[str], CameraAddress | MqttAddress] = (
        MqttAddress.parse if text.startswith("mqtt") else CameraAddress.parse
    )
    try:
        address = read(text)
    except PipelineError as error:
        return f"{error} {error!r} {error.args} {vars(error)}"
    view = address.view_name if isinstance(address, CameraAddress) else ""
    return f"{address} {address!r} {view}"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", FORMS)
def test_no_way_of_writing_an_address_shows_its_secret(form: str, key: str) -> None:
    text = form.format(s=SECRET, k=key)
    assert SECRET not in parsed(text)
    assert SECRET not in shown_address(text)
    assert SECRET not in redact(f"resource {text} could not be read (401).")
    assert SECRET not in redact(f"SourceError('{text}', \"gone\")")


secrets = st.text(min_size=1, max_size=20).map(lambda text: f"<{text}{SECRET}{text}>")


@given(st.sampled_from(FORMS), st.sampled_from(KEYS), secrets)
def test_no_secret_of_any_characters_is_shown(form: str, key: str, secret: str) -> None:
    written = secret if "://" in form else quote(secret, "")
    text = form.format(s=written, k=key)
    for shown in (parsed(text), shown_address(text)):
        assert SECRET not in shown
        assert shown == redact(shown)


@given(st.sampled_from(FORMS), st.sampled_from(KEYS), secrets)
def test_no_encoded_secret_is_shown_amid_foreign_text(
    form: str, key: str, secret: str
) -> None:
    text = form.format(s=quote(secret, ""), k=key)
    assert SECRET not in redact(f"could not open {text}, is it there?")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing to hide: a=b, me@ward.org", "nothing to hide: a=b, me@ward.org"),
        (
            "open rtsp://nurse:x@10.0.0.7/s (401), mail me@ward.org",
            "open rtsp://10.0.0.7/s (401), mail me@ward.org",
        ),
        ("'rtsp://u:p@h:554/b?x=1': gone", "'rtsp://h:554/b': gone"),
        ("two rtsp://u:p@h/1 rtsp://u:p@h/2", "two rtsp://h/1 rtsp://h/2"),
        ("rtsp://nurse:two words@h/s is gone", "rtsp://h/s is gone"),
        ("psw=x rest", "psw=*** rest"),
        ("/srv/ward/site.yaml:4: broker.port", "/srv/ward/site.yaml:4: broker.port"),
        ("sqlite:////srv/a b.db is locked", "sqlite:////srv/a b.db is locked"),
    ],
)
def test_the_rest_of_a_text_stays(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


def test_known_secrets_are_hidden_outside_of_addresses_too() -> None:
    text = f"401 for nurse ({SECRET}), nursery"
    assert redact(text, ["nurse", SECRET, "f"]) == "401 for *** (***), nursery"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/Streaming/Channels/101", "/Streaming/Channels/101"),
        ("/h264Preview_01_main", "/h264Preview_01_main"),
        ("/axis-media/media.amp", "/axis-media/media.amp"),
        ("/station%203/Öffner", "/station%203/Öffner"),
        ("/user=admin_password=x_channel=1", "/***"),
        ("/live/my_password_x/1", "/live/***/1"),
        ("/live/a%3Db/1", "/live/***/1"),
        ("/AbCdEfGh12345678?enableSrtp", "/***"),
        ("/550e8400-e29b-41d4-a716-446655440000/1", "/***/1"),
    ],
)
def test_parts_of_a_path_are_shown_that_look_like_names(path: str, shown: str) -> None:
    assert shown_path(path) == shown
    assert shown_path(shown) == shown


def test_errors_hide_what_they_are_made_of_and_come_back_whole() -> None:
    address = f"rtsp://nurse:{SECRET}@h/x?psw={SECRET}"
    for error in (
        SourceError(address, f"cannot open {address}"),
        PayloadError(address, address, address),
        FootageError("labels.csv", f"no video {address!r}", 3),
        SettingsError([f"site.yaml:3: {address}: is not known"]),
    ):
        again = pickle.loads(pickle.dumps(error))
        for each in (error, again):
            assert SECRET not in f"{each} {each!r} {vars(each)}"
        assert str(again) == str(error)


def test_an_address_given_for_a_file_is_shown_without_its_login() -> None:
    with pytest.raises(PipelineError, match=r"No such file") as caught:
        read_imu_csv(f"mqtt:/nurse:{SECRET}@broker/imu")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "piece", ["a", "a:", "://", "a@", "=", "rtsp://a ", "%3a", "@ ", "a:/ ", "a="]
)
@pytest.mark.timeout(20)
def test_a_long_text_is_read_in_no_time(piece: str) -> None:
    text = f"rtsp://x {piece * (20_000 // len(piece))}"
    redact(text)
    shown_address(text)
