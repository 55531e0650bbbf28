"""Play video files as RTSP cameras: ``python -m services.demo.rtsp_server``.

Each client gets the file from its first picture, in real time, as it was encoded
(H.264 or H.265; nothing is encoded again), with RTCP sender reports. Standard output is
for programs, one JSON object per line: ``{"listening": port, "mounts": [name, ...]}``
once the server answers, then ``{"mount": name, "playing_at": seconds}`` whenever a
client starts to play: the UTC at which presentation time 0 of the file is sent, by the
clock of the sender reports.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import final

import gi

from pipelines.clock import Clock, SystemClock, ns_to_seconds
from pipelines.errors import SourceError
from pipelines.sources.gstreamer.core import Gst, element, static_pad
from services.demo.file_player import FilePlayer, Film
from services.demo.rtsp_process import PASSWORD_VARIABLE

gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")

from gi.repository import GLib, GstRtsp, GstRtspServer  # noqa: E402

_ROLE = "viewer"

_LAUNCH = (
    "( appsrc name=film format=time"
    " ! rtp{codec}pay name=pay0 pt=96 config-interval=-1 aggregate-mode={aggregate} )"
)


@final
class FileServer:
    """An RTSP server with one mount for each file.

    Args:
        mounts: Names in the address and their files.
        port: Port to listen on; 0 picks a free one.
        loop: Whether a file begins again at its end.
        login: User and password that clients must give; None for no login.
        delimiters: Whether an access unit delimiter precedes each picture. Many cameras
            send none, and send parameter sets in separate packets: then GStreamer 1.22
            loses the sender's time of key frames.
        clock: Clock of the times at which clients begin to play.
        digest: Whether the login uses the digest method, which sends no password.

    Raises:
        SourceError: If a file cannot be played.
    """

    def __init__(
        self,
        mounts: Sequence[tuple[str, Path]],
        *,
        port: int,
        loop: bool,
        login: tuple[str, str] | None,
        delimiters: bool = True,
        clock: Clock,
        digest: bool = False,
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._names = [name for name, _ in mounts]
        self._server = GstRtspServer.RTSPServer()
        self._server.set_address("127.0.0.1")
        self._server.set_service(str(port))
        if login is not None:
            self._server.set_auth(_auth(*login, digest=digest))
        points = GstRtspServer.RTSPMountPoints()
        self._server.set_mount_points(points)
        aggregate = "zero-latency" if delimiters else "none"
        for name, path in mounts:
            film = Film.read(path, delimiters=delimiters)
            factory = GstRtspServer.RTSPMediaFactory()
            factory.set_launch(_LAUNCH.format(codec=film.codec, aggregate=aggregate))
            factory.set_shared(False)  # each client starts at the beginning
            factory.set_eos_shutdown(True)
            factory.connect("media-configure", self._on_client, name, film)
            if login is not None:
                factory.set_permissions(_viewers_only())
            points.add_factory(f"/{name}", factory)

    def start(self) -> None:
        """Listen, and print the port; a main loop must run to serve clients.

        Raises:
            OSError: If the port is in use.
        """
        if not self._server.attach(None):
            msg = f"port {self._server.get_service()} is not free"
            raise OSError(msg)
        _print_fact({"listening": self._server.get_bound_port(), "mounts": self._names})

    def _on_client(
        self,
        _factory: GstRtspServer.RTSPMediaFactory,
        media: GstRtspServer.RTSPMedia,
        name: str,
        film: Film,
    ) -> None:
        media_bin = media.get_element()
        if not isinstance(media_bin, Gst.Bin):
            msg = "the launch line must make a bin"
            raise TypeError(msg)
        FilePlayer(element(media_bin, "film"), film, loop=self._loop)
        media.connect("new-state", self._on_state, media_bin, name)

    def _on_state(
        self,
        _media: GstRtspServer.RTSPMedia,
        state: int,
        media_bin: Gst.Bin,
        name: str,
    ) -> None:
        if state == int(Gst.State.PLAYING):
            # The clock is distributed a moment later: wait for a packet.
            static_pad(element(media_bin, "pay0"), "src").add_probe(
                Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST,
                self._on_packet,
                media_bin,
                name,
            )

    def _on_packet(
        self, _pad: Gst.Pad, _info: Gst.PadProbeInfo, media_bin: Gst.Bin, name: str
    ) -> Gst.PadProbeReturn:
        _, state, _ = media_bin.get_state(0)
        clock = media_bin.get_clock()
        if clock is None or state != Gst.State.PLAYING:
            return Gst.PadProbeReturn.OK
        played_ns = clock.get_time() - media_bin.get_base_time()
        zero_s = ns_to_seconds(self._clock.now_ns() - played_ns)
        _print_fact({"mount": name, "playing_at": round(zero_s, 6)})
        return Gst.PadProbeReturn.REMOVE


def _auth(user: str, password: str, *, digest: bool) -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, _ROLE)
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
        return auth
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return auth


def _viewers_only() -> GstRtspServer.RTSPPermissions:
    permissions = GstRtspServer.RTSPPermissions()
    for right in (
        GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS,
        GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
    ):
        permissions.add_permission_for_role(_ROLE, right, True)
    return permissions


def _print_fact(fact: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def _mount(text: str) -> tuple[str, Path]:
    """Split ``name=file.mp4`` into the name in the address and the file."""
    name, _, path = text.partition("=")
    if not (name and path):
        msg = f"expected name=file.mp4, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    if not Path(path).is_file():
        msg = f"{path}: no such file"
        raise argparse.ArgumentTypeError(msg)
    return name.strip("/"), Path(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.demo.rtsp_server")
    parser.add_argument("--port", type=int, default=8554, help="0 picks a free one")
    parser.add_argument(
        "--mount", type=_mount, action="append", required=True, metavar="NAME=FILE"
    )
    parser.add_argument(
        "--user",
        help=f"user that clients must give, with the password in ${PASSWORD_VARIABLE}",
    )
    parser.add_argument(
        "--digest",
        action="store_true",
        help="use the digest method for the login, not the basic one",
    )
    parser.add_argument(
        "--loop", action="store_true", help="play each file again at its end"
    )
    parser.add_argument(
        "--no-delimiters",
        action="store_true",
        help="send parameter sets in separate packets, and no access unit delimiters,"
        " as many cameras do",
    )
    return parser.parse_args()


def main() -> None:
    """Serve until a signal ends the process (SIGINT, SIGTERM)."""
    given = _arguments()
    password = os.environ.get(PASSWORD_VARIABLE, "")
    login = None if given.user is None else (given.user, password)
    try:
        server = FileServer(
            given.mount,
            port=given.port,
            loop=given.loop,
            login=login,
            delimiters=not given.no_delimiters,
            clock=SystemClock(),
            digest=given.digest,
        )
        server.start()
    except (OSError, SourceError) as err:
        sys.exit(str(err))
    with contextlib.suppress(KeyboardInterrupt):
        GLib.MainLoop().run()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
