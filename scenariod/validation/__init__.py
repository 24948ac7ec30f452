"""What a file is checked by: JSON, the model of a scenario, verdict and reasons.

- `document`: bytes to a JSON object, and every problem with its place
- `problems`: the codes of refusal, advice on each, and a problem with its place
- `readable`: what every reader of JSON takes, and how other documents are written
- `reason_file`: `NAME.reason.json`: writing and reading it
- `scenario`: the model of a scenario: what is valid, and why not
- `verdict`: what a worker says of a file, and its checked JSON form
"""
