"""The whole loop by commands alone."""

import json
import random
from pathlib import Path

from labelmill.cli.documents import document
from labelmill.type.v1 import annotation_pb2
from tests.support.up import UpProcess

from .conftest import Commands

WORDS = {
    "negative": ("awful", "terrible", "dull", "dreadful"),
    "neutral": ("average", "plain", "ordinary", "typical"),
    "positive": ("great", "wonderful", "superb", "lovely"),
}
PEOPLE = ("John Smith", "Mary Jones", "Peter Miller")


def write_texts(path: Path, count: int) -> None:
    chance = random.Random(7)
    with path.open("w") as file:
        for number in range(count):
            words = WORDS[chance.choice(list(WORDS))]
            thing = chance.choice(("film", "book", "meal", "show"))
            text = f"{chance.choice(PEOPLE)} called {thing} {number} {chance.choice(words)} and {chance.choice(words)}."
            file.write(json.dumps({"id": f"t{number}", "text": text, "set": "made"}) + "\n")


def truth(text: str) -> str:
    return next(name for name, words in WORDS.items() if any(word in text for word in words))


def test_from_texts_to_a_served_model(owner: Commands, server: UpProcess, tmp_path: Path) -> None:
    created = owner.ok(
        *("project", "create", "loop", "--single-choice", "sentiment=negative,neutral,positive"),
        *("--labels-per-asset", "2"),
    )
    assert created["name"] == "projects/loop"

    write_texts(tmp_path / "texts.jsonl", 120)
    ingested = owner.ok(
        "ingest", str(tmp_path / "texts.jsonl"), "-p", "loop", "--id-column", "id", "--label-column", "set"
    )
    assert (ingested["created_count"], ingested["failed_count"]) == (120, 0)

    owner.ok("anonymize", "policy", "create", "strict", "-p", "loop", "--default", "replace")
    anonymized = owner.ok("anonymize", "run", "strict", "-p", "loop", "--filter", 'labels.set = "made"')
    assert anonymized["admitted_count"] == 120
    assert {"PERSON"} <= {count["entity_type"] for count in anonymized["entity_counts"]}

    held_out = ingested["assets"][:40]
    clean = read(owner, server, held_out)
    gold = "".join(f"{asset}\t{truth(text)}\n" for asset, text in clean.items())
    purpose = ("--feature", "sentiment", "--purpose", "evaluation")
    assert owner.ok("task", "gold", "-", "-p", "loop", *purpose, stdin=gold)["created_count"] == 40

    tasks = owner.ok("task", "create", "-p", "loop", "--batch", "round-1")
    assert (tasks["held_out_count"], len(tasks["tasks"])) == (40, 160)
    for labeler in ("labeler-1", "labeler-2"):
        key = owner.ok("key", "create", "--role", "annotator", "-p", "loop", "--id", labeler)["api_key"]
        label_everything(Commands(owner.environment | {"LABELMILL_API_KEY": key}))
    statistics = owner.ok("task", "stats", "-p", "loop")
    assert {(c["state"], c["labeler"]): c["task_count"] for c in statistics["counts"]} == {
        ("STATE_SUBMITTED", "labeler-1"): 80,
        ("STATE_SUBMITTED", "labeler-2"): 80,
    }

    report = owner.ok("quality", "score", "-p", "loop", "--feature", "sentiment")
    assert (report["label_count"], report["item_count"]) == (160, 80)
    assert report["alpha"]["value"] == 1.0
    assert owner.ok("quality", "show", "-p", "loop")["name"] == report["name"]
    assert len(owner.ok("quality", "consensus", "-p", "loop")["labels"]) == 80
    page = tmp_path / "quality.html"
    assert owner.ok("quality", "report", "-p", "loop", "--html", str(page))["byte_count"] == page.stat().st_size
    assert page.stat().st_mode & 0o077 == 0
    labelers = owner.ok("quality", "labelers", "-p", "loop")["labelers"]
    assert [each["labeler"] for each in labelers] == ["labeler-1", "labeler-2"]
    assert len(owner.ok("quality", "score", "-p", "loop")["feature_reports"]) == 1
    assert owner.ok("quality", "labelers", "-p", "loop")["labelers"] == labelers  # of its only feature
    assert "labels                160 of 80 items" in owner.run("quality", "show", "-p", "loop").stdout
    [live] = owner.ok("quality", "live", "-p", "loop", "--feature", "sentiment")["features"]
    assert (live["label_count"], live["alpha"]["value"], live["disputed_item_count"]) == (160, 1.0, 0)
    assert owner.ok("quality", "disputed", "-p", "loop", "--feature", "sentiment")["items"] == []
    refit = owner.ok("quality", "refit", "-p", "loop", "--feature", "sentiment")
    assert (refit["label_count"], refit["repaired_item_count"]) == (160, 0)

    version = owner.ok("train", "run", "sentiment", "-p", "loop")["model_version"]
    assert version["evaluation"]["accuracy"]["value"] > 0.8
    assert owner.ok("train", "promote", version["name"], "--min-accuracy", "0.5")["promoted"]
    assert owner.ok("train", "models", "-p", "loop")["models"][0]["versions"][0]["promoted"]

    assert "sentiment" in {m["feature"] for m in owner.ok("prelabel", "models", "-p", "loop")["models"]}
    assert owner.ok("prelabel", "run", "sentiment", "-p", "loop")["predicted_count"] == 120
    excluded = "".join(f"{asset}\n" for asset in held_out)
    ranking = ("prelabel", "rank", "sentiment", "-p", "loop", "--limit", "10", "--exclude", "-")
    ranked = owner.ok(*ranking, stdin=excluded)["assets"]
    assert len(ranked) == 10
    assert {r["asset"] for r in ranked}.isdisjoint(held_out)
    piped = owner.run(*ranking, stdin=excluded).stdout
    again = owner.ok("task", "create", "-p", "loop", "--assets", "-", "--batch", "round-2", stdin=piped)
    assert (again["asset_count"], len(again["tasks"])) == (10, 20)

    exported = owner.ok("export", "-p", "loop", "-o", str(tmp_path / "labels.jsonl"))
    lines = (tmp_path / "labels.jsonl").read_text().splitlines()
    assert exported["line_count"] == len(lines) == 160
    assert owner.run("export", "-p", "loop").stdout.splitlines() == lines

    counts = {project["project"]: project for project in owner.ok("status")["projects"]}["loop"]
    assert counts == {"project": "loop", "assets": 120, "clean": 120, "tasks": 180, "submitted": 160}


def read(owner: Commands, server: UpProcess, assets: list[str]) -> dict[str, str]:
    """The clean texts of assets, through the SDK: the command line shows texts only to labelers."""
    import labelmill

    with labelmill.Client(server.address, server.api_key) as client:
        return {asset: client.storage.download(asset).decode() for asset in assets}


def label_everything(labeler: Commands) -> None:
    leased = labeler.ok("task", "lease", "-p", "loop", "--count", "1000", "--text")["tasks"]
    assert all(not any(person in task["text"] for person in PEOPLE) for task in leased)
    first, *rest = leased
    answer = f"sentiment={truth(first['text'])}"
    submitted = labeler.ok(
        "task", "submit", "-p", "loop", first["name"], first["lease"]["token"], "--single-choice", answer
    )
    assert submitted["submitted_count"] == 1
    lines = []
    for task in rest:
        value = annotation_pb2.Annotation(feature="sentiment")
        value.classification.single = truth(task["text"])
        annotation = {"feature": "sentiment", "classification": document(value)["classification"]}
        annotation["classification"].pop("distribution")
        row = {"task": task["name"], "lease_token": task["lease"]["token"], "annotations": [annotation]}
        lines.append(json.dumps(row) + "\n")
    done = labeler.ok("task", "submit", "-p", "loop", "--file", "-", stdin="".join(lines))
    assert done["submitted_count"] == len(rest)
