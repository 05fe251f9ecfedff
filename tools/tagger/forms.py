"""How numbers and addresses are written; forms.yaml."""

from pathlib import Path
from typing import Any

import yaml

FORMS: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
