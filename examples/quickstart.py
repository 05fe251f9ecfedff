"""Three texts in, a clean text out. Start `labelmill up` first, in another terminal."""

import labelmill
from labelmill import labels, names
from labelmill.annotation.v1.resources_pb2 import Project
from labelmill.annotation.v1.service_pb2 import CreateProjectRequest
from labelmill.anonymization.v1.operators_pb2 import Operator, Replace
from labelmill.anonymization.v1.resources_pb2 import Policy
from labelmill.anonymization.v1.service_pb2 import AnonymizeAssetsRequest, CreatePolicyRequest

with labelmill.Client() as mill:
    question = labels.single_choice_feature("sentiment", ["negative", "neutral", "positive"])
    wanted = Project(ontology=labels.ontology(question))
    project = mill.projects.create_project(CreateProjectRequest(project_id="quickstart", project=wanted)).name
    texts = [b"John Smith of Boston loved the film.", b"Mary Jones left early.", b"It was fine."]
    assets = [mill.storage.upload(project, text, media_type="text/plain") for text in texts]
    policy = Policy(default_operator=Operator(replace=Replace()))
    mill.anonymization.create_policy(CreatePolicyRequest(parent=project, policy_id="strict", policy=policy))
    wish = AnonymizeAssetsRequest(parent=project, policy=names.policy(project, "strict"))
    mill.anonymization.anonymize_assets(wish).result()
    print(mill.storage.download(assets[0].name).decode())  # <PERSON> of <LOCATION> loved the film.
