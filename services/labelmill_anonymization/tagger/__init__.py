"""The tagger: a small network of our own that finds personal data by its words and their surroundings.

`tokens` cuts texts, `features` describes the tokens, `lexicon` knows words, `labels` names the classes, `decoding`
turns the network's answers into spans, `blocks` makes addresses of them. The network itself (`model.onnx`) is run by
`adapters/tagger.py`; all of it is made by `make tagger`, and tools/tagger/MODEL_CARD.md says how good it is.
"""
