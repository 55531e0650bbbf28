import numpy as np
import pytest

from pipelines.lab.poses.cameras import Camera, free_camera, ward_camera
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.world import CameraView

AHEAD = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""Looks along +x; right is -y, up is +z."""


def at(*places: tuple[float, float, float]) -> np.ndarray:
    return np.array([places], np.float32)


def test_what_is_straight_ahead_is_in_the_middle() -> None:
    square, inside = Camera(np.zeros(3), AHEAD, 60.0).project(at((3.0, 0.0, 0.0)))
    assert square[0, 0] == pytest.approx([0.5, 0.5])
    assert inside.all()


def test_the_edge_of_the_view_is_the_edge_of_the_picture() -> None:
    """A 4:3 picture: its width is the square's side, its height three quarters."""
    high, wide = np.tan(np.radians(30)), np.tan(np.radians(30)) * 4 / 3
    places = at((1.0, 0.0, 0.99 * high), (1.0, 0.0, 1.01 * high), (1.0, -wide, 0.0))
    square, inside = Camera(np.zeros(3), AHEAD, 60.0).project(places)
    assert inside[0].tolist()[:2] == [True, False]
    assert square[0, 0] == pytest.approx([0.5, 0.125], abs=0.01)
    assert square[0, 2] == pytest.approx([1.0, 0.5], abs=0.01)


def test_what_is_behind_the_camera_is_not_in_the_picture() -> None:
    _, inside = Camera(np.zeros(3), AHEAD, 60.0).project(at((-2.0, 0.0, 0.0)))
    assert not inside.any()


def test_a_wide_lens_pulls_the_edges_in() -> None:
    place = at((1.0, -0.6, 0.0))
    straight, _ = Camera(np.zeros(3), AHEAD, 60.0).project(place)
    bulged, _ = Camera(np.zeros(3), AHEAD, 60.0, distortion=-0.2).project(place)
    assert 0.5 < bulged[0, 0, 0] < straight[0, 0, 0]


def test_the_ward_s_camera_sees_joints_where_its_pictures_show_them() -> None:
    plan = RecordingPlan(Stream.FOOTAGE, 43, 4, 3.0)
    _, world, track = simulate_motion(plan)
    across, down, _, _ = world.landmarks(track.qpos[10])[0]  # the head
    place = world.data.geom("head").xpos.astype(np.float32)
    square, _ = ward_camera(world.view).project(place[None, None])
    assert square[0, 0, 0] == pytest.approx(across, abs=1e-4)
    assert square[0, 0, 1] == pytest.approx(0.5 + (down - 0.5) * 3 / 4, abs=1e-4)


def test_a_free_camera_has_the_person_in_view() -> None:
    rng = np.random.default_rng(1)
    body = rng.normal([0.0, 0.0, 0.9], [0.2, 0.2, 0.5], (40, 13, 3))
    for _ in range(20):
        camera = free_camera(rng, body.astype(np.float32))
        assert camera is not None
        _, inside = camera.project(body.astype(np.float32))
        assert inside.mean() > 0.8
        assert np.linalg.norm(camera.axes @ camera.axes.T - np.eye(3)) < 1e-6
    assert CameraView((0, 0, 0), (1, 0, 0), 60.0).fovy_deg == 60.0
