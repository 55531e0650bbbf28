"""Errors of the services keep their text when Ray sends them between processes."""

import pickle

import pytest

from services import errors
from services.errors import (
    BrokerRefused,
    BrowserMissing,
    ClipError,
    ClusterNotFound,
    ConsoleError,
    OutputFailed,
    PlaceError,
    PortTaken,
    RayFolderError,
    RayLost,
    ServiceError,
    SettingsError,
    SiteTaken,
    StoreError,
)

ERRORS = {
    ServiceError("no reply"): "no reply",
    SettingsError(("a: twice", "b: unknown")): "a: twice\nb: unknown",
    SiteTaken("north", "host-1"): (
        "site north is already watched on this cluster, by host-1; stop that service,"
        " or give this site another name"
    ),
    RayLost("the node died"): (
        "the node died; ending with exit code 75, so that systemd or the container"
        " engine starts the service again"
    ),
    OutputFailed(9): "standard output is closed",
    OutputFailed(28): "standard output: No space left on device",
    PlaceError("x", "odd"): "x: odd",
    StoreError("hub.sqlite", "full"): "hub.sqlite: full",
    PortTaken("[::1]:80", "in use", "hub.port"): (
        "[::1]:80: in use; set hub.port to another number, or stop the program that"
        " listens there"
    ),
    BrokerRefused("b:1883", "bad login"): "broker b:1883: bad login",
    ConsoleError("c.pem", "is empty"): "console c.pem: is empty",
    ClipError("clips.key_file", "is no key"): "clips.key_file: is no key",
    ClusterNotFound("'{a}'", "is no address"): "--ray-address '{a}': is no address",
    BrowserMissing("chromium", "is not installed"): "chromium is not installed",
    RayFolderError("/d", "is long"): (
        "/d: is long; set TMPDIR to another folder, such as /tmp"
    ),
}


@pytest.mark.parametrize(("error", "text"), ERRORS.items())
def test_an_error_keeps_its_kind_its_facts_and_its_text(
    error: ServiceError, text: str
) -> None:
    received = pickle.loads(pickle.dumps(error))
    assert (type(received), str(received)) == (type(error), text)
    assert vars(received) == vars(error)


def test_every_error_is_among_them() -> None:
    every = {
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, ServiceError)
    }
    assert {type(error) for error in ERRORS} == every


def test_a_place_is_shown_without_its_password() -> None:
    error = PlaceError("mqtt://ward:secret@host", "cannot be reached")
    assert "secret" not in str(error)
