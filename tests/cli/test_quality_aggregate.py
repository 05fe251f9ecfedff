"""`labelmill quality aggregate`."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import ipc

from tests.cli.conftest import Commands

ROWS = [(f"i{n:02d}", f"l{m}", "yes" if n % 2 or m == 3 else "no") for n in range(20) for m in range(4)]
WINNERS = [(f"i{n:02d}", "yes" if n % 2 else "no") for n in range(20)]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["labeler,item,class_name", *(f"{who},{item},{said}" for item, who, said in ROWS)]))
    return path


def winners(text: str) -> list[tuple[str, str]]:
    return [(row["item"], row["class_name"]) for row in csv.DictReader(io.StringIO(text))]


def test_consensus_labels_of_a_csv_file_go_to_stdout(owner: Commands, labels: Path) -> None:
    result = owner.run("quality", "aggregate", str(labels))
    assert (result.exit_code, winners(result.stdout)) == (0, WINNERS)


def test_gold_is_kept_and_the_summary_is_a_document(owner: Commands, labels: Path, tmp_path: Path) -> None:
    (tmp_path / "gold.csv").write_text("item,class_name\ni00,maybe\n")
    out = tmp_path / "consensus.csv"
    arguments = ("--gold", str(tmp_path / "gold.csv"), "--method", "dawid-skene", "--out", str(out))
    summary = owner.ok("quality", "aggregate", str(labels), *arguments)
    assert (summary["method"], summary["class_names"]) == ("CONSENSUS_METHOD_DAWID_SKENE", ["maybe", "no", "yes"])
    assert winners(out.read_text())[0] == ("i00", "maybe")


def test_arrow_goes_in_and_comes_out(owner: Commands, tmp_path: Path) -> None:
    given, out = tmp_path / "labels.arrows", tmp_path / "consensus.arrows"
    table = pa.table(dict(zip(("item", "labeler", "class_name"), map(list, zip(*ROWS, strict=True)), strict=True)))
    with ipc.new_stream(str(given), table.schema) as writer:
        writer.write_table(table)
    result = owner.run("quality", "aggregate", str(given), "--out", str(out), "--method", "majority-vote")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "20 items, 80 labels, 4 labelers")
    found = ipc.open_stream(out.read_bytes()).read_all()
    assert list(zip(found["item"].to_pylist(), found["class_name"].to_pylist(), strict=True)) == WINNERS


def test_a_file_without_a_column_is_refused_before_anything_is_asked(owner: Commands, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("item,who,class_name\nx,anna,yes\n")
    result = owner.run("quality", "aggregate", str(tmp_path / "labels.csv"))
    assert result.exit_code == 2
    assert "labeler" in result.output
