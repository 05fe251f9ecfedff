"""What the README prints is what the repository holds."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_prints_the_quickstart() -> None:
    example = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8").partition('"""\n\n')[2].strip()
    assert f"```python\n{example}\n```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [part.partition(")")[0] for part in text.split("](")[1:]]
    assert targets
    assert [target for target in targets if not any(ROOT.glob(target))] == []
