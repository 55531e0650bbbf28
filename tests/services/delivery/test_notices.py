"""Attempts of a delivery: again, given up, in order; on a real server and store."""

import asyncio
import datetime
import ipaddress
import logging
import re
import sqlite3
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.delivery.notices import NoticeDelivery
from services.delivery.outcome import Outcome
from services.delivery.web_post import post
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.notices import Notice
from services.store.store import Store
from tests.fakes import FakeClock
from tests.web_receiver import Posted, Receiver, receiver

SOON_S = 10.0
TROUBLE = "webhook far: a message was given up: answers HTTP"


def site_of(url: str) -> Site:
    webhook = {"name": "far", "url": url, "secret": "s"}
    return Site.model_validate({"site": "ward-3", "webhooks": [webhook]})


def notice(name: str) -> Notice:
    return Notice(f"far {name}", "far", name, "", f'{{"it": "{name}"}}', True)


@asynccontextmanager
async def delivering(
    folder: Path, url: str, *names: str
) -> AsyncIterator[NoticeDelivery]:
    store = Store.migrated(sqlite_url(folder))
    store.take([], {}, 1, notices=[notice(name) for name in names])
    clock = FakeClock(auto_advance=True)
    delivery = NoticeDelivery(site_of(url), store.notices, clock)
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        task.cancel()
        await asyncio.wait([task])
        store.close()


async def until(holds: object) -> None:
    assert callable(holds)
    async with asyncio.timeout(SOON_S):
        while not holds():  # noqa: ASYNC110  the server is in another thread
            await asyncio.sleep(0.01)


def keys(posted: list[Posted]) -> list[str]:
    return [it.headers["X-Wardwatch-Id"] for it in posted]


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503])
def test_a_server_in_trouble_is_tried_again_in_order_with_the_same_id(
    status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(server: Receiver) -> None:
        server.status_of = lambda _: status if len(server.refused) < 7 else 200
        async with delivering(tmp_path, server.url, "a", "b") as delivery:
            await until(lambda: server.refused)
            await until(lambda: len(server.taken) == 2)
            await until(lambda: not delivery.troubles())

    caplog.set_level(logging.DEBUG)
    with receiver() as server:
        asyncio.run(scene(server))
    assert keys(server.refused) == ["far a"] * 7
    assert keys(server.taken) == ["far a", "far b"]
    assert len({it.body for it in server.refused}) == 1
    times = [int(it.headers["X-Wardwatch-Timestamp"]) for it in server.refused]
    pauses = [later - one for one, later in pairwise(times)]
    assert pauses[0] <= 3
    assert 14 <= pauses[-1] <= 31
    assert f"webhook far: answers HTTP {status}; trying again" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("status", [302, 400, 404, 410, 500])
def test_what_a_server_refuses_is_given_up_after_thirty_times_and_kept(
    status: int, tmp_path: Path
) -> None:
    async def scene(server: Receiver) -> None:
        server.status_of = lambda it: status if b"bad" in it.body else 200
        async with delivering(tmp_path, server.url, "a", "bad") as delivery:
            await until(lambda: delivery.troubles() == [f"{TROUBLE} {status}"])
            assert delivery.dead == {"far": 1}
        async with delivering(tmp_path, server.url) as delivery:  # restarted
            await until(lambda: delivery.troubles() == [f"{TROUBLE} {status}"])
        async with delivering(tmp_path, server.url, "b") as delivery:
            await until(lambda: len(server.taken) == 2)
            await until(lambda: not delivery.troubles())
            assert delivery.dead == {"far": 1}

    with receiver() as server:
        asyncio.run(scene(server))
    assert keys(server.refused) == ["far bad"] * 30
    assert keys(server.taken) == ["far a", "far b"]
    assert {it.path for it in server.refused} == {"/hook?token=hunter2"}


def test_a_refused_message_holds_up_its_own_alarm_alone(tmp_path: Path) -> None:
    async def scene(server: Receiver) -> None:
        bad = [f"far bad {step}" for step in (1, 2)]
        server.status_of = lambda it: 404 if b"1" in it.body else 200
        store = Store.migrated(sqlite_url(tmp_path))
        first, second = (
            Notice(key, "far", "bad", "", f'{{"it": "{key}"}}', True) for key in bad
        )
        store.take([], {}, 1, notices=[first, second])
        store.close()
        async with delivering(tmp_path, server.url, "a", "b"):
            await until(lambda: len(server.taken) == 3)

    with receiver() as server:
        asyncio.run(scene(server))
    assert keys(server.taken) == ["far a", "far b", "far bad 2"]
    assert keys(server.refused) == ["far bad 1"] * 30


def test_a_server_that_is_not_there_is_a_trouble_without_its_address(
    tmp_path: Path,
) -> None:
    async def scene(server: Receiver) -> list[str]:
        async with delivering(tmp_path, server.url, "a") as delivery:
            await until(delivery.troubles)
            return delivery.troubles()

    with receiver() as server:
        pass
    (trouble,) = asyncio.run(scene(server))
    assert trouble.startswith("webhook far: cannot be reached: ")
    assert "hunter2" not in trouble


def test_a_changed_site_gets_what_waits_and_unchanged_targets_go_on(
    tmp_path: Path,
) -> None:
    def site(**urls: str) -> Site:
        hooks = [
            {"name": name, "url": url, "secret": "s"} for name, url in urls.items()
        ]
        return Site.model_validate({"site": "ward-3", "webhooks": hooks})

    def to(target: str, name: str) -> Notice:
        return Notice(f"{target} {name}", target, name, "", "{}", True)

    async def scene(old: Receiver, new: Receiver) -> None:
        old.status_of = lambda it: 503 if _key(it).startswith(("far", "stuck")) else 200
        store = Store.migrated(sqlite_url(tmp_path))
        names = ("stuck", "far", "near", "gone", "late")
        store.take([], {}, 1, notices=[to(name, "a") for name in names[:4]])
        clock = FakeClock(auto_advance=True)
        before = site(stuck=old.url, far=old.url, near=old.url, gone=old.url)
        delivery = NoticeDelivery(before, store.notices, clock)
        task = asyncio.create_task(delivery.run())
        await until(lambda: len(delivery.troubles()) == len(old.taken) == 2)
        after = site(stuck=old.url, far=new.url, near=old.url, late=new.url)
        delivery.change(after)
        assert delivery.troubles() == ["webhook stuck: answers HTTP 503"]
        await until(lambda: len(new.taken) == 1)
        store.take([], {}, 2, notices=[to(name, "b") for name in names])
        delivery.wake()
        await until(lambda: len(new.taken) == 3 and len(old.taken) == 3)
        delivery.change(site())
        assert delivery.dead == {}
        # This scene, the delivery, and its wait for another change: no target.
        await until(lambda: len(asyncio.all_tasks()) == 3)
        task.cancel()
        await asyncio.wait([task])
        store.close()

    with receiver() as old, receiver() as new:
        asyncio.run(scene(old, new))
    assert sorted(keys(old.taken)) == ["gone a", "near a", "near b"]
    assert sorted(keys(new.taken)) == ["far a", "far b", "late b"]


def test_a_change_during_a_change_is_followed(tmp_path: Path) -> None:
    """Whatever number of turns of the event loop lies between the two."""

    def site(*names: str) -> Site:
        hook = {"url": server.url, "secret": "s"}
        hooks = [{"name": name, **hook} for name in names]
        return Site.model_validate({"site": "ward-3", "webhooks": hooks})

    async def scene(store: Store, turns: int) -> None:
        store.take([], {}, 1, notices=[notice(f"{turns}")])
        before, after = site("first", "second"), site("second")
        delivery = NoticeDelivery(before, store.notices, FakeClock(auto_advance=True))
        task = asyncio.create_task(delivery.run())
        await until(lambda: len(asyncio.all_tasks()) == 5)  # both targets have begun
        delivery.change(after)
        for _ in range(turns):
            await asyncio.sleep(0)
        delivery.change(site("far"))
        await until(lambda: len(server.taken) == turns)
        task.cancel()
        await asyncio.wait([task])

    store = Store.migrated(sqlite_url(tmp_path))
    with receiver() as server:
        for turns in range(1, 12):
            asyncio.run(scene(store, turns))
    store.close()


def _key(posted: Posted) -> str:
    return posted.headers["X-Wardwatch-Id"]


def test_a_target_that_fails_in_an_unknown_way_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def set_body(body: str) -> None:
        with closing(sqlite3.connect(tmp_path / "hub.sqlite", timeout=SOON_S)) as db:
            db.execute(f"UPDATE notices SET body = {body}")
            db.commit()

    async def scene(server: Receiver) -> None:
        async with delivering(tmp_path, server.url) as delivery:
            store = Store.migrated(sqlite_url(tmp_path))
            store.take([], {}, 1, notices=[notice("a")])
            store.close()
            set_body("x'68'")  # bytes, as no program of ours writes them
            delivery.wake()
            await until(delivery.troubles)
            (trouble,) = delivery.troubles()
            assert re.fullmatch(r"webhook far: \w+ at \w+\.py:\d+", trouble)
            set_body("'{}'")
            await until(lambda: server.taken)
            await until(lambda: not delivery.troubles())

    with receiver() as server:
        asyncio.run(scene(server))
    assert keys(server.taken) == ["far a"]
    assert caplog.text.count("trying again") == 1


def test_a_header_that_is_not_ascii_is_refused() -> None:
    with receiver() as server:
        outcome = asyncio.run(post(server.url, b"{}", {"X-Token": "hünter2"}))
    assert outcome == Outcome("its login or address is not ASCII", is_refused=True)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that nobody else has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


def test_a_private_authority_is_trusted_only_if_it_is_named(tmp_path: Path) -> None:
    public, private = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    with receiver(context) as server:
        url = server.url.replace("http:", "https:")
        trusted = asyncio.run(post(url, b"{}", {}, public))
        unknown = asyncio.run(post(url, b"{}", {}))
    assert trusted.problem == ""
    assert unknown.problem.startswith("cannot be reached: ")
    assert "CERTIFICATE_VERIFY_FAILED" in unknown.problem
    assert len(server.taken) == 1
