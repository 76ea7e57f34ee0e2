"""Everything that gptpath raises on purpose.

```
GptPathError
├── ConfigError        params.yaml or a command line asks for something impossible
├── CorpusError        raw text, documents or labelled items cannot be used
├── TokenError         a tokenizer or a token shard is missing, corrupt or does not fit
├── CheckpointError    a model folder or checkpoint is missing, corrupt or does not fit
├── TrainingError      training cannot go on (a non-finite loss, a lock held by another run)
└── PipelineError      a stage, DVC, Prefect or MLflow did not do its part
```

Every message says what was given, what was expected, and what to do about it.
"""


class GptPathError(Exception):
    """Base of all errors that a user can act on."""


class ConfigError(GptPathError):
    """A parameter is unknown, out of range, or contradicts another."""


class CorpusError(GptPathError):
    """Raw text, documents or labelled items cannot be used as they are."""


class TokenError(GptPathError):
    """A tokenizer or token shard is missing, corrupt, or does not fit its neighbour."""


class CheckpointError(GptPathError):
    """A model folder or checkpoint is missing, corrupt, or does not fit its configuration."""


class TrainingError(GptPathError):
    """Training cannot go on."""


class PipelineError(GptPathError):
    """A stage, or a tool that runs or records stages, failed."""
