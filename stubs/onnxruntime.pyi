from numpy import ndarray

class SessionOptions:
    intra_op_num_threads: int
    inter_op_num_threads: int
    log_severity_level: int

class InferenceSession:
    def __init__(self, model: str, options: SessionOptions, *, providers: list[str]) -> None: ...
    def run(self, outputs: list[str], inputs: dict[str, ndarray]) -> list[ndarray]: ...
