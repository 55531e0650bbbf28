"""The look at this machine's GStreamer."""

import pytest

from pipelines.sources.gstreamer.probe import OLDEST_VERSION, probe_gstreamer


@pytest.mark.gst
def test_this_machine_has_every_element_and_the_rtsp_server() -> None:
    found = probe_gstreamer()
    assert found.version is not None
    assert found.version >= OLDEST_VERSION
    assert (found.problem, found.missing_elements, found.rtsp_server) == ("", (), True)
