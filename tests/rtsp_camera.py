"""An RTSP camera that speaks only some transports, or TLS: ``python rtsp_camera.py``.

Prints its port once it listens, and serves a moving test picture at ``/bed`` until the
process is ended.
"""

import argparse
import sys

import gi

from pipelines.sources.gstreamer.core import Gst

gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")

from gi.repository import Gio, GLib, GstRtsp, GstRtspServer  # noqa: E402

_TRANSPORTS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "multicast": GstRtsp.RTSPLowerTrans.UDP_MCAST,
}
_LAUNCH = (
    "( videotestsrc is-live=true pattern=ball"
    " ! video/x-raw,width=64,height=48,framerate=12/1 ! x264enc tune=zerolatency"
    " key-int-max=6 ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=_TRANSPORTS)
    parser.add_argument("--certificate", help="PEM file with its key; serves rtsps")
    given = parser.parse_args()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(_LAUNCH)
    factory.set_shared(True)
    factory.set_protocols(_TRANSPORTS[given.transport])
    if given.transport == "multicast":
        pool = GstRtspServer.RTSPAddressPool()
        pool.add_range("224.3.0.0", "224.3.0.10", 5600, 5700, 1)
        factory.set_address_pool(pool)
    if given.certificate:
        auth = GstRtspServer.RTSPAuth()
        file = Gio.TlsCertificate.new_from_file(given.certificate)
        auth.set_tls_certificate(file)
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "anyone")
        auth.set_default_token(token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        for right in ("access", "construct"):
            permissions.add_permission_for_role(
                "anyone", f"media.factory.{right}", True
            )
        factory.set_permissions(permissions)
    points = GstRtspServer.RTSPMountPoints()
    points.add_factory("/bed", factory)
    server.set_mount_points(points)
    if not server.attach(None):
        sys.exit("the port is not free")
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()  # type: ignore[no-untyped-call]


assert Gst.is_initialized()
if __name__ == "__main__":
    main()
