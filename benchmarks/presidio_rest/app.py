"""Presidio's REST services for gunicorn: `app:analyzer()` and `app:anonymizer()`.

They make the same calls on the same engines, with the same JSON, as `presidio-analyzer/app.py` and
`presidio-anonymizer/app.py` of https://github.com/data-privacy-stack/presidio (MIT), which are not in the wheels. Only
the routes that the benchmark asks for are here. Runs in the environment of presidio-requirements.txt.
"""

from __future__ import annotations

import json
import os
from typing import Any

from flask import Flask, Response, request
from presidio_analyzer import AnalyzerEngineProvider, AnalyzerRequest, BatchAnalyzerEngine
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.services.app_entities_convertor import AppEntitiesConvertor


def analyzer() -> Flask:
    """POST /analyze: a text, a language -> what was found."""
    app = Flask("analyzer")
    engine = AnalyzerEngineProvider(nlp_engine_conf_file=os.environ["NLP_CONF_FILE"]).create_engine()
    batches = BatchAnalyzerEngine(engine)

    @app.get("/health")
    def health() -> str:
        return "up"

    @app.get("/supportedentities")
    def entities() -> Response:
        return _json(engine.get_supported_entities(request.args.get("language")))

    @app.post("/analyze")
    def analyze() -> Response:
        asked = AnalyzerRequest(request.get_json())
        texts = asked.text if isinstance(asked.text, list) else [asked.text]
        engine.get_supported_entities(asked.language)  # fails where the language is not supported
        results = list(
            batches.analyze_iterator(
                texts=texts,
                batch_size=len(texts),
                language=asked.language,
                correlation_id=asked.correlation_id,
                score_threshold=asked.score_threshold,
                entities=asked.entities,
                return_decision_process=asked.return_decision_process,
                ad_hoc_recognizers=asked.ad_hoc_recognizers,
                context=asked.context,
                allow_list=asked.allow_list,
                allow_list_match=asked.allow_list_match,
                regex_flags=asked.regex_flags,
                n_process=1,
            )
        )
        for result in (one for some in results for one in some):
            del result.recognition_metadata
        return _json(results if isinstance(asked.text, list) else results[0])

    return app


def anonymizer() -> Flask:
    """POST /anonymize: a text, what was found in it -> the text with it replaced."""
    app = Flask("anonymizer")
    engine = AnonymizerEngine()

    @app.get("/health")
    def health() -> str:
        return "up"

    @app.post("/anonymize")
    def anonymize() -> Response:
        content = request.get_json()
        operators = AppEntitiesConvertor.operators_config_from_json(content.get("anonymizers"))
        found = AppEntitiesConvertor.analyzer_results_from_json(content.get("analyzer_results"))
        result = engine.anonymize(text=content.get("text"), analyzer_results=found, operators=operators)
        return Response(result.to_json(), mimetype="application/json")

    return app


def _json(value: Any) -> Response:
    return Response(json.dumps(value, default=lambda o: o.to_dict(), sort_keys=True), content_type="application/json")
