"""Proto to domain and back, nothing else: statements (annotations), ontologies, resources."""
