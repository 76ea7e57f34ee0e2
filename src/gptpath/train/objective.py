"""What training computes with a model, as one module that DDP and FSDP can wrap."""

from collections.abc import Callable

from torch import Tensor, nn

from gptpath.model.build import LanguageModel
from gptpath.model.loss import next_token_loss, token_log_probs

Loss = Callable[[LanguageModel, Tensor, Tensor], Tensor]


class Objective(nn.Module):
    """Loss and per-token scores, with every use of the model's parameters inside `forward`.

    DDP and FSDP2 act on calls of the module that they wrap. Shapes: B sequences, T positions.
    """

    def __init__(self, model: LanguageModel, loss: Loss = next_token_loss) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def forward(self, tokens_BT: Tensor, targets_BT: Tensor, *, per_token: bool = False) -> Tensor:
        """Mean loss, a scalar; or the log-probability of each target, (B, T)."""
        compute = token_log_probs if per_token else self._loss
        return compute(self.model, tokens_BT, targets_BT)
