"""Resource names, put together and taken apart.

>>> names.asset("demo", "0123456789abcdef0123456789abcdef")
'projects/demo/assets/0123456789abcdef0123456789abcdef'
>>> names.last("projects/demo/policies/default")
'default'
"""

from __future__ import annotations


def project(project_id: str) -> str:
    """projects/{project}; a full name is returned as it is."""
    return project_id if project_id.startswith("projects/") else f"projects/{project_id}"


def asset(project_id: str, asset_id: str) -> str:
    """projects/{project}/assets/{asset}."""
    return _child(project_id, "assets", asset_id)


def policy(project_id: str, policy_id: str) -> str:
    """projects/{project}/policies/{policy}."""
    return _child(project_id, "policies", policy_id)


def receipt(project_id: str, receipt_id: str) -> str:
    """projects/{project}/receipts/{receipt}."""
    return _child(project_id, "receipts", receipt_id)


def task(project_id: str, task_id: str) -> str:
    """projects/{project}/tasks/{task}."""
    return _child(project_id, "tasks", task_id)


def annotation(project_id: str, annotation_id: str) -> str:
    """projects/{project}/annotations/{annotation}."""
    return _child(project_id, "annotations", annotation_id)


def benchmark(project_id: str, benchmark_id: str) -> str:
    """projects/{project}/benchmarks/{benchmark}."""
    return _child(project_id, "benchmarks", benchmark_id)


def quality_report(project_id: str, report_id: str) -> str:
    """projects/{project}/qualityReports/{quality_report}."""
    return _child(project_id, "qualityReports", report_id)


def training_job(project_id: str, job_id: str) -> str:
    """projects/{project}/trainingJobs/{training_job}."""
    return _child(project_id, "trainingJobs", job_id)


def model(project_id: str, model_id: str) -> str:
    """projects/{project}/models/{model}."""
    return _child(project_id, "models", model_id)


def model_version(project_id: str, model_id: str, version: int | str) -> str:
    """projects/{project}/models/{model}/versions/{version}."""
    return f"{model(project_id, model_id)}/versions/{version}"


def dataset(project_id: str, dataset_id: str) -> str:
    """projects/{project}/datasets/{dataset}."""
    return _child(project_id, "datasets", dataset_id)


def snapshot(dataset_name: str, snapshot_id: str) -> str:
    """projects/{project}/datasets/{dataset}/snapshots/{snapshot}, of the dataset's whole name."""
    return snapshot_id if snapshot_id.startswith("projects/") else f"{dataset_name}/snapshots/{snapshot_id}"


def operation(project_id: str, operation_id: str) -> str:
    """projects/{project}/operations/{operation}."""
    return _child(project_id, "operations", operation_id)


def encoder(encoder_id: str) -> str:
    """encoders/{encoder}."""
    return encoder_id if encoder_id.startswith("encoders/") else f"encoders/{encoder_id}"


def project_of(name: str) -> str:
    """The project id in a resource name; ValueError if there is none."""
    parts = name.split("/")
    if len(parts) < 2 or parts[0] != "projects" or not parts[1]:
        raise ValueError(f"not a name within a project: {name!r}")
    return parts[1]


def last(name: str) -> str:
    """The last part of a name: the resource's own id."""
    return name.rpartition("/")[2]


def _child(project_id: str, collection: str, child: str) -> str:
    """A full name as `child` is returned as it is, so that commands and programs may take either."""
    return child if child.startswith("projects/") else f"{project(project_id)}/{collection}/{child}"
