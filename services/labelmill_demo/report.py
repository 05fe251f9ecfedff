"""Writes the report of a run: an HTML page that needs nothing else, the plots as PNG, and every number as JSON."""

import base64
import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from labelmill_demo import plots
from labelmill_demo.record import Record


def write(record: Record, folder: Path) -> Path:
    """Writes `index.html`, `quality.html`, the PNG files and `record.json` into `folder`; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    files = plots.draw_all(record, folder)
    pictures = {title: base64.b64encode((folder / name).read_bytes()).decode() for title, name in files.items()}
    environment = Environment(
        loader=PackageLoader("labelmill_demo", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html.jinja").render(record=record, pictures=pictures)
    (folder / "record.json").write_text(json.dumps(record.to_json(), indent=2) + "\n", encoding="utf-8")
    (folder / "quality.html").write_bytes(record.quality_page)
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path
