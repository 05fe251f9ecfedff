"""A project's figures kept current: answers come, go and change; their items and labelers are judged anew. Pure."""
