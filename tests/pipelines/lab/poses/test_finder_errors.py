import numpy as np
from jaxtyping import Float32

from models.person.pose_picture import body_sizes
from pipelines.lab.poses.finder_errors import SeenBody, see

STEPS = 480


def body() -> Float32[np.ndarray, "step 13 2"]:
    down = [0.1, 0.25, 0.25, 0.4, 0.4, 0.5, 0.5, 0.5, 0.5, 0.7, 0.7, 0.9, 0.9]
    across = [0.5, 0.58, 0.42, 0.6, 0.4, 0.6, 0.4, 0.55, 0.45, 0.55, 0.45, 0.55, 0.45]
    pose = np.stack((across, down), axis=1).astype(np.float32)
    return np.repeat(pose[None], STEPS, axis=0)


def views(
    places: Float32[np.ndarray, "step 13 2"], *, outside: int = 0
) -> list[SeenBody]:
    """Return 40 views of a body of which the last joints are out of the picture."""
    rng = np.random.default_rng(5)
    inside = np.ones(places.shape[:2], bool)
    inside[:, places.shape[1] - outside :] = False
    return [see(rng, places, inside) for _ in range(40)]


def found_share(seen: list[SeenBody]) -> float:
    return float(np.mean([each.found.mean() for each in seen]))


def test_errors_are_as_large_as_those_that_were_measured() -> None:
    """The finder's median error is 0.04 to 0.11 body sizes."""
    size = body_sizes(np.dstack((body()[:1], np.ones((1, 13)))).astype(np.float32))[0]
    mirrored = np.stack((1 - body()[..., 0], body()[..., 1]), axis=-1)
    errors = []
    for seen in views(body()):
        joints = seen.joints[seen.found]
        nearest = min(
            np.median(np.linalg.norm(joints[..., :2] - truth[seen.found], axis=-1))
            for truth in (
                body(),
                mirrored[:, [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11]],
            )
        )
        errors.append(nearest / size)
    assert 0.02 < np.median(errors) < 0.11


def test_people_are_found_and_fewer_of_those_whom_the_edge_cuts() -> None:
    whole, without_legs = views(body()), views(body(), outside=4)
    assert 0.95 < found_share(whole) < 1.0
    assert 0.6 < found_share(without_legs) < 0.95


def test_somebody_out_of_the_picture_is_not_found() -> None:
    assert found_share(views(body(), outside=13)) == 0.0


def gross_share(seen: list[SeenBody]) -> float:
    """Return the share of found bodies that are hardly where they are."""
    wrong = []
    for each in seen:
        trunk = each.joints[each.found][:, [1, 2, 7, 8], 1]  # a mirror keeps heights
        wrong += list(np.abs(trunk - body()[0, [1, 2, 7, 8], 1]).max(axis=1) > 0.2)
    return float(np.mean(wrong))


def test_a_body_that_the_edge_cuts_is_often_seen_where_it_is_not() -> None:
    whole, without_legs = views(body()), views(body(), outside=6)
    assert gross_share(whole) < 0.1
    assert gross_share(without_legs) > 0.25


def test_an_absent_person_is_not_found_and_leaves_no_joint() -> None:
    absent = body()
    absent[100:200] = np.nan
    for seen in views(absent):
        assert not seen.found[100:200].any()
        assert np.isfinite(seen.joints).all()
        assert not seen.joints[~seen.found].any()


def test_fast_motion_loses_people() -> None:
    fast = body()
    fast[:, :, 0] += 0.4 * np.sin(np.arange(STEPS))[:, None]
    assert found_share(views(fast)) < found_share(views(body()))


def test_errors_last_for_seconds() -> None:
    """A second later (8 steps) half of the usual error is still there, 0.54 of it."""
    alike = []
    for seen in views(body()):
        wrist = np.where(seen.found, seen.joints[:, 5, 0], np.nan)
        error = wrist - np.nanmedian(wrist)
        error = error[np.abs(error) < 0.05]  # the usual errors, not a hidden wrist
        alike.append(np.corrcoef(error[8:], error[:-8])[0, 1])
    assert 0.25 < np.median(alike) < 0.8


def test_left_and_right_are_exchanged_for_a_few_pictures() -> None:
    """In 1 of 20 pictures, for 3.3 pictures on average."""
    shares, lengths = [], []
    for seen in views(body()):
        left_of = np.sign(seen.joints[:, 1, 0] - seen.joints[:, 2, 0])
        is_rare = left_of == -np.sign(left_of.sum())
        shares.append(is_rare.mean())
        begins = np.flatnonzero(np.diff(is_rare.astype(int)) == 1)
        lengths += [is_rare.sum() / len(begins)] if len(begins) else []
    assert 0.02 < np.mean(shares) < 0.12
    assert 1.5 < np.median(lengths) < 6
