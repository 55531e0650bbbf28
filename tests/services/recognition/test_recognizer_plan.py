"""What a site's settings ask of its replicas."""

from pathlib import Path

from services.recognition.deployment import RecognizerPlan
from services.site.file import read_site
from tests.tiny_checkpoint import save_tiny_checkpoint


def test_a_site_chooses_the_view_of_its_own_checkpoint(tmp_path: Path) -> None:
    model = save_tiny_checkpoint(tmp_path / "tiny")
    path = tmp_path / "site.yaml"
    path.write_text(f"site: ward-3\nrecognizer: {{model: {model}, view: person}}\n")
    recognizer = RecognizerPlan.of(read_site(path, {})).load()
    assert recognizer.clip.card.view == "person"


def test_a_site_chooses_the_backend_of_its_replicas(tmp_path: Path) -> None:
    model = save_tiny_checkpoint(tmp_path / "tiny")
    path = tmp_path / "site.yaml"
    path.write_text(
        f"site: ward-3\nrecognizer: {{model: {model}, backend: openvino}}\n"
    )
    recognizer = RecognizerPlan.of(read_site(path, {})).load()
    assert recognizer.clip.tower.backend == "openvino"
